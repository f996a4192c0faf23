// The daemon's settings are told three times: by --help, in config/server.json and in the README. They must agree.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { folder, run } from "./run.js";

const read = (name) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
const flagOf = (name) => `--${name.replace(/[._]/g, "-")}`;

// { "--limits-jobs": { usual, range, about } }, as --help has them.
function helped(t) {
  const { out } = folder(t).run("serve", "--help");
  const lines = out.split("\n").filter((line) => /^ +--(?!config |print-config |help |version )/.test(line));
  return Object.fromEntries(
    lines.map((line) => {
      const [, flag, kind, about, last] = line.match(/^ +(--\S+) (N|TEXT) +(.*?)(?: \(([^()]*)\))?$/);
      const [usual, range = ""] = kind === "N" ? last.split("; ") : [last ?? ""];
      return [flag, { usual, range, about }];
    }),
  );
}

test("the README has every setting with its default, range and meaning", (t) => {
  const [, section] = read("README.md").split("## The daemon's settings");
  const rows = [...section.split("\n## ")[0].matchAll(/^\| `(\S+)` \| `"?(.*?)"?` \| (.*?) ?\| (.*) \|$/gm)];
  const told = rows.map(([, name, usual, range, about]) => [flagOf(name), { usual, range, about }]);
  assert.deepEqual(Object.fromEntries(told), helped(t));
});

test("the README has every field of a job", (t) => {
  const [, section] = read("README.md").split("## The settings of a job");
  const told = section.split("\n## ")[0];
  const [, fields] = folder(t).run("train", "--help").out.split("Fields of a job, with their defaults:\n");
  const names = new Set(fields.trimEnd().split("\n").flatMap((line) => line.trim().split(" ")[0].split(".")));
  assert.ok(names.size > 40 && names.has("learning_rate"));
  assert.deepEqual([...names].filter((name) => !told.includes(`\`${name}\``) && !told.includes(`"${name}"`)), []);
});

test("config/server.json states the defaults", (t) => {
  const flatten = (object, before = "") =>
    Object.entries(object).flatMap(([key, value]) =>
      typeof value === "object" ? flatten(value, `${before}${key}.`) : [[flagOf(before + key), String(value)]],
    );
  const usual = helped(t);
  const stated = flatten(JSON.parse(read("config/server.json")));
  for (const [flag, value] of stated) assert.equal(value, usual[flag]?.usual, flag);
  // What is left out there is empty by default.
  const left = Object.keys(usual).filter((flag) => !stated.some(([name]) => name === flag));
  for (const flag of left) assert.equal(usual[flag].usual, "", flag);
});

test("train --help tells every field of a job with its default", (t) => {
  const { out } = folder(t).run("train", "--help");
  const lines = out.split("Fields of a job")[1].split("\n").filter((line) => line.startsWith("  "));
  // The table has three columns, of which the second may be empty.
  const network = lines.find((line) => line.startsWith("  network "));
  const [second, third] = [network.indexOf('"googlenet"'), network.indexOf("the architecture")];
  const fields = Object.fromEntries(lines.map((line) => [line.slice(2, second).trim(), line.slice(second, third).trim()]));
  for (const [path, value] of Object.entries({ network: '"googlenet"', epochs: "10", "optimizer.learning_rate": "0.1", image_size: "" }))
    assert.equal(fields[path], value, path);
  const flatten = (object, before = "") =>
    Object.entries(object).flatMap(([key, value]) =>
      typeof value === "object" ? flatten(value, `${before}${key}.`) : [before + key],
    );
  for (const path of flatten(JSON.parse(read("config/jobs/googlenet-fashion-mnist.json")))) assert.ok(path in fields, path);
});

test("the daemon's options are parsed as every command's", (t) => {
  const f = folder(t);
  f.write("server.json", { workers: 0 });
  const cases = [
    [["--wrokers", "1"], "--wrokers is not an option here; did you mean --workers?"],
    [["--threads"], "--threads needs a value"],
    [["word"], "word is one argument too many"],
    [["--workers=0"], '--workers must be a whole number from 1 to 64, got "0"'],
    [["--config=server.json"], '/workers must be a whole number from 1 to 64, got "0"'],
    [["--config", "none.json"], "none.json: No such file or directory"],
  ];
  for (const command of ["serve", "health"])
    for (const [words, fault] of cases) {
      const r = f.run(command, ...words);
      assert.equal(r.code, 2, words.join(" "));
      assert.ok(r.err.startsWith(`googlenetd: ${fault}\n`), r.err);
    }
});

test("serve --print-config tells what the settings are, as a file that says the same, and no token", (t) => {
  const f = folder(t);
  const env = { ...process.env, GOOGLENETD_TOKEN: "secret", GOOGLENETD_LIMITS_JOBS: "7", GOOGLENETD_LIMIT_JOBS: "8" };
  const first = run({ cwd: f.dir, env }, "serve", "--print-config", "--workers", "3", "--log-format", "json");
  assert.equal(first.code, 0, first.err);
  const told = JSON.parse(first.out);
  assert.deepEqual([told.workers, told.limits.jobs, told.log.format, told.listen], [3, 7, "json", "127.0.0.1:8080"]);
  assert.doesNotMatch(first.out, /secret/);
  assert.match(first.err, /GOOGLENETD_LIMIT_JOBS is not a known variable; did you mean GOOGLENETD_LIMITS_JOBS\?/);
  f.write("told.json", first.out);
  assert.equal(f.run("serve", "--config", "told.json", "--print-config").out, first.out);
  assert.equal(f.run("serve", "--print-config", "--workers", "none").code, 2);
});
