// Shell lines made from the OpenAPI document: one per call, with its examples.
const METHODS = ["get", "post", "put", "patch", "delete"];

/** The calls by tag, in the document's order: [{tag, about, calls: [{method, path, summary, line}]}]. */
export function linesByTag(document, root) {
  const tags = new Map((document.tags ?? []).map(({ name, description }) => [name, { tag: name, about: description, calls: [] }]));
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      if (!(method in item)) continue;
      const operation = item[method];
      const tag = operation.tags?.[0] ?? "";
      if (!tags.has(tag)) tags.set(tag, { tag, about: "", calls: [] });
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
      tags.get(tag).calls.push({
        method: method.toUpperCase(),
        path,
        summary: operation.summary ?? "",
        line: line(method, root + path, operation, parameters, document.security),
      });
    }
  }
  return [...tags.values()].filter(({ calls }) => calls.length);
}

/** Characters that need no quoting in a shell. */
export const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function line(method, address, operation, parameters, usually) {
  const security = operation.security ?? usually ?? [];
  const body = exampleOf(operation.requestBody?.content?.["application/json"]);
  const isUsual = method === "get" || (method === "post" && body !== undefined);
  return [
    "curl",
    isUsual ? "" : `-X ${method.toUpperCase()}`,
    security.length ? '-H "Authorization: Bearer $TOKEN"' : "",
    body === undefined ? "" : `-d ${quoted(JSON.stringify(body))}`,
    quoted(filledIn(address, parameters) + query(parameters)),
  ]
    .filter(Boolean)
    .join(" ");
}

function filledIn(address, parameters) {
  return address.replace(/\{(\w+)\}/g, (all, name) => {
    const found = parameters.find((each) => each.in === "path" && each.name === name);
    return encodeURIComponent(found ? valueOf(found) : all).replaceAll("%3A", ":");
  });
}

function query(parameters) {
  const needed = parameters.filter((each) => each.in === "query" && each.required);
  const pairs = needed.map((each) => `${each.name}=${encodeURIComponent(valueOf(each))}`);
  return pairs.length ? `?${pairs.join("&")}` : "";
}

function valueOf({ name, example, schema = {} }) {
  const found = example ?? schema.example ?? schema.default ?? schema.enum?.[0];
  if (found !== undefined) return String(found);
  return schema.type === "integer" ? "1" : name;
}

const exampleOf = (content) => content?.example ?? Object.values(content?.examples ?? {})[0]?.value;
