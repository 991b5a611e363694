// Bundles sessiontrack/web/browser into the given folder: a common entry and one per page, in shared chunks, with
// a hash of the content in their names; manifest.json lists the files of each page.
import { build, transform } from "esbuild";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const web = join(root, "sessiontrack", "web");
const out = resolve(process.argv[2]);

const TARGETS = ["es2022", "chrome123", "firefox121", "safari17.5"];

// Pages import #here and #i18n from these files; widgets get embed/here.js and embed/i18n.js instead.
const ALIASES = Object.fromEntries(["here", "i18n"].map((name) => [`#${name}`, join(web, `browser/${name}.js`)]));

const files = (folder, ending) =>
  existsSync(join(web, folder)) ? readdirSync(join(web, folder)).filter((name) => name.endsWith(ending)) : [];

const entries = { main: "browser/main.js", style: "browser/styles/main.css", icon: "browser/icon.svg" };
for (const name of files("browser/pages", ".js")) entries[`pages/${basename(name, ".js")}`] = `browser/pages/${name}`;
const LANGUAGES = readdirSync(join(web, "catalogues"));
for (const language of LANGUAGES) {
  for (const name of files(`catalogues/${language}`, ".json")) {
    entries[`catalogues/${language}/${basename(name, ".json")}`] = `catalogues/${language}/${name}`;
  }
}

rmSync(out, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: Object.entries(entries).map(([name, path]) => ({ out: name, in: join(web, path) })),
  outdir: out,
  bundle: true,
  splitting: true,
  alias: ALIASES,
  format: "esm",
  minify: true,
  charset: "utf8",
  legalComments: "none", // all licences are in licenses.txt
  target: TARGETS,
  entryNames: "[dir]/[name]-[hash]",
  chunkNames: "chunks/[name]-[hash]",
  assetNames: "assets/[name]-[hash]",
  loader: { ".svg": "copy" },
  metafile: true,
  logLevel: "warning",
  plugins: [{ name: "english", setup: inEnglish }],
});

/** A text that a language lacks is the English one. */
function inEnglish({ onLoad }) {
  onLoad({ filter: /\/catalogues\/\w+\/\w+\.json$/ }, ({ path }) => {
    const texts = { ...textsOf("en", basename(path, ".json")), ...JSON.parse(readFileSync(path, "utf8")) };
    return { contents: JSON.stringify(texts), loader: "json" };
  });
}

/** A language's texts of a topic. */
function textsOf(language, topic) {
  return JSON.parse(readFileSync(join(web, "catalogues", language, `${topic}.json`), "utf8"));
}

// The widgets for other pages: one classic script with a fixed name, and their texts in every language.
const WIDGET_TEXTS = ["common", "now", "timeline", "embed"];
const embedded = await build({
  absWorkingDir: root,
  entryPoints: [join(web, "browser/embed/main.js")],
  outfile: join(out, "embed.js"),
  bundle: true,
  format: "iife",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  target: TARGETS,
  metafile: true,
  logLevel: "warning",
  plugins: [{ name: "shadow", setup: inShadow }],
});

/** Imports style sheets as text for shadow trees, and replaces #here, #i18n and #catalogues for the widgets. */
function inShadow({ onResolve, onLoad }) {
  onResolve({ filter: /\.css\?text$/ }, ({ path, resolveDir }) => ({
    path: join(resolveDir, path.replace("?text", "")),
    namespace: "style-text",
  }));
  onLoad({ filter: /.*/, namespace: "style-text" }, async ({ path }) => {
    const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
    return { contents: code, loader: "text" };
  });
  onResolve({ filter: /\.css$/ }, ({ path }) => ({ path, namespace: "no-style" }));
  onLoad({ filter: /.*/, namespace: "no-style" }, () => ({ contents: "", loader: "js" }));
  onResolve({ filter: /^#(here|i18n)$/ }, ({ path }) => ({ path: join(web, "browser/embed", `${path.slice(1)}.js`) }));
  onResolve({ filter: /^#catalogues$/ }, ({ path }) => ({ path, namespace: "texts" }));
  onLoad({ filter: /.*/, namespace: "texts" }, () => ({ contents: JSON.stringify(widgetTexts()), loader: "json" }));
}

/** The texts of the widgets, by language and key. */
function widgetTexts() {
  const ofLanguage = (language) => Object.assign({}, ...WIDGET_TEXTS.map((name) => textsOf(language, name)));
  return Object.fromEntries(LANGUAGES.map((language) => [language, ofLanguage(language)]));
}

const outputs = Object.fromEntries(
  Object.entries(metafile.outputs).map(([path, output]) => [relative(out, resolve(root, path)), output]),
);
const inOut = (path) => relative(out, resolve(root, path));

/** All chunks that must load before this file runs. */
function needed(file, found = new Set()) {
  for (const { path, kind } of outputs[file].imports) {
    const other = inOut(path);
    if (kind !== "import-statement" || found.has(other)) continue;
    found.add(other);
    needed(other, found);
  }
  return found;
}

const manifest = {};
const names = Object.fromEntries(Object.entries(entries).map(([name, path]) => [join("sessiontrack", "web", path), name]));
for (const [file, output] of Object.entries(outputs)) {
  const name = names[output.entryPoint ?? Object.keys(output.inputs)[0]];
  if (name === undefined || (!output.entryPoint && !file.endsWith(".svg"))) continue;
  manifest[name] = { file, needs: [...needed(file)].sort() };
  if (output.cssBundle) manifest[name].style = inOut(output.cssBundle);
}

// The scripts for other products' pages, with fixed names: a module and a classic script, each in one file.
const EMBEDDED = { "tracker.js": "esm", "tracker.classic.js": "iife" };
for (const [name, format] of Object.entries(EMBEDDED)) {
  await build({
    absWorkingDir: root,
    entryPoints: [join(web, "browser", name)],
    outfile: join(out, name),
    bundle: true,
    format,
    alias: ALIASES,
    minify: true,
    charset: "utf8",
    legalComments: "none",
    target: TARGETS,
    logLevel: "warning",
  });
}

writeFileSync(join(out, "licenses.txt"), licences(Object.keys({ ...metafile.inputs, ...embedded.metafile.inputs })));
// Written last: if the manifest exists, all files do.
writeFileSync(join(out, "manifest.json"), JSON.stringify(manifest, null, 1));

/** The licences of all packages with code in the bundle. */
function licences(inputs) {
  const packages = new Map();
  for (const input of inputs) {
    const found = input.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
    if (!found) continue;
    const folder = found[1];
    if (!packages.has(folder)) packages.set(folder, []);
    // A package that is a bundle itself has the licences of its parts beside it.
    if (existsSync(join(root, `${input}.LICENSE.txt`))) packages.get(folder).push(`${input}.LICENSE.txt`);
  }
  return [...packages]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([folder, parts]) => {
      const about = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
      const texts = readdirSync(join(root, folder)).filter((name) => /^(licen[sc]e|notice|copying)/i.test(name));
      if (texts.length === 0) throw new Error(`${about.name} has no licence file`);
      const paths = [...texts.map((name) => join(folder, name)), ...parts];
      const text = paths.map((path) => readFileSync(join(root, path), "utf8").trim()).join("\n\n");
      return `${about.name} ${about.version} (${about.license})\n\n${text}\n`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}
