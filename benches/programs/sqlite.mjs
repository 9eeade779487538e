// A short task: tables, rows and queries in SQLite. sqlite.mjs DIRECTORY, where sql.js is installed.
import { createRequire } from "node:module";
const initSqlJs = createRequire(`${process.argv[2]}/`)("sql.js");
const SQL = await initSqlJs();
const db = new SQL.Database();
db.run("CREATE TABLE wasp (id INTEGER PRIMARY KEY, name TEXT NOT NULL, length REAL, host TEXT)");
db.run("CREATE INDEX by_host ON wasp (host)");
const insert = db.prepare("INSERT INTO wasp VALUES (?, ?, ?, ?)");
db.run("BEGIN");
for (let id = 1; id <= 2000; id++) insert.run([id, `wasp ${id}`, (id % 97) / 8, ["beetle", "moth", "aphid"][id % 3]]);
db.run("COMMIT");
insert.free();
for (const query of [
  "SELECT host, count(*), round(avg(length), 4), max(name) FROM wasp GROUP BY host ORDER BY host",
  "SELECT count(*) FROM wasp AS a JOIN wasp AS b ON a.id = b.id + 1 WHERE a.length > b.length",
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT sum(i * i) FROM n",
  "SELECT name FROM wasp WHERE name LIKE '%77%' ORDER BY length DESC, name LIMIT 5",
]) {
  console.log(JSON.stringify(db.exec(query)[0].values));
}
