// Prints, of HTML files, which features of theirs a mail program does not have: {"feature": ["program", ...]}.
// node caniemail.mjs PACKAGE FILE...
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [place, ...files] = process.argv.slice(2);
const { caniemail } = await import(pathToFileURL(`${place}/dist/index.js`));
const missing = {};
for (const file of files) {
  const { issues } = caniemail({ clients: ["apple-mail.*", "gmail.*", "outlook.*"], html: readFileSync(file, "utf8") });
  for (const [program, found] of issues.errors)
    for (const { title } of found) missing[title] = [...new Set([...(missing[title] ?? []), program])].sort();
}
console.log(JSON.stringify(missing));
