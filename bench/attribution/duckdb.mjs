// DuckDB's side of the race: node duckdb.mjs load FOLDER, then node duckdb.mjs FILE.sql; prints the CPU and wall
// seconds of the query alone (the second run of two, with warm caches).
import fs from 'node:fs';
import { createRequire } from 'node:module';
const { DuckDBInstance } = createRequire(process.cwd() + '/')('@duckdb/node-api');
const database = await DuckDBInstance.create('./bench.duckdb', { threads: '2', memory_limit: '3GB' });
const connection = await database.connect();
await connection.run("SET TimeZone = 'UTC'");
if (process.argv[2] === 'load') {
	const tables = {
		touches: "{'person_id': 'BIGINT', 'ts': 'TIMESTAMP', 'channel': 'VARCHAR', 'touch_id': 'BIGINT'}",
		conversions: "{'conv_id': 'BIGINT', 'person_id': 'BIGINT', 'ts': 'TIMESTAMP', 'revenue': 'DECIMAL(12,2)'}",
		events: "{'user_id': 'INTEGER', 'ts': 'TIMESTAMP', 'ev': 'SMALLINT'}",
	};
	for (const [table, columns] of Object.entries(tables))
		await connection.run(`CREATE OR REPLACE TABLE ${table} AS SELECT * FROM read_csv('${process.argv[3]}/${table}.csv', header = true, columns = ${columns})`);
	await connection.run('CHECKPOINT');
} else {
	const sql = fs.readFileSync(process.argv[2], 'utf8').split('\n').filter((line) => !line.startsWith('--')).join('\n');
	for (let run = 0; run < 2; run++) {
		const cpu = process.cpuUsage(), start = performance.now();
		await connection.runAndReadAll(sql);
		const used = process.cpuUsage(cpu);
		if (run === 1)
			console.log(((used.user + used.system) / 1e6).toFixed(3), ((performance.now() - start) / 1e3).toFixed(3));
	}
}
