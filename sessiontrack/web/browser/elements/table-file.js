// A list as CSV, of what its columns show: for lists of which the server has no file of its own.
import { render } from "lit";
import { writtenInstant } from "../time.js";

const BATCH = 1000; // the most that a list gives at once
// So that no spreadsheet takes a text for a formula, nor divides it: as the server does in `record_files.py`.
const FORMULA = /((?:^|[;,|\t\r\n])[ "]*)(?='*[=+\-@\t\r])/g;
const QUOTED = /[;,|\t\r\n"]/;
const APART = "small, code, div, p";
const UNWRITTEN = ".unseen, svg, st-copy";

/** Save all rows, whatever page is shown. @param load as a <st-table> has it, with what is asked of it bound. */
export async function saveRows(name, columns, load) {
  const written = columns.filter(({ isAction }) => !isAction);
  const lines = [written.map(({ label }) => label)];
  const place = document.createElement("div");
  for (let total = 1, offset = 0; offset < total; offset += BATCH) {
    const found = await load({ limit: BATCH, offset });
    total = found.total;
    for (const row of found.rows) lines.push(written.map(({ cell }) => textOf(cell(row), place)));
  }
  save(`sessiontrack-${name}.csv`, lines.map((cells) => `${cells.map(asCell).join(",")}\r\n`).join(""));
}

function textOf(template, place) {
  render(template, place);
  return read(place).replace(/\s+/g, " ").trim();
}

function read(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (node.nodeType !== Node.ELEMENT_NODE || node.matches(UNWRITTEN)) return "";
  if (node.localName === "time") return writtenInstant(node.dateTime);
  const text = [...node.childNodes].map(read).join("");
  return node.matches(APART) ? ` ${text} ` : text;
}

function asCell(text) {
  const defused = text.replace(FORMULA, "$1'");
  return QUOTED.test(defused) ? `"${defused.replaceAll('"', '""')}"` : defused;
}

/** It begins with a byte order mark: without one a spreadsheet takes UTF-8 for something else. */
function save(name, text) {
  const href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  const link = Object.assign(document.createElement("a"), { href, download: name });
  link.click();
  // The browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
