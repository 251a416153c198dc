// PostGraphile as one would run it for speed: production mode, two processes, prepared statements,
// filters and aggregates. Prints `{"port": N}` once both processes listen.
//
// PGHOST, PGPORT, PGUSER and PGDATABASE say where PostgreSQL is. It ends when its standard input does.

import cluster from "node:cluster";
import { createServer } from "node:http";
import { PgAggregatesPreset } from "@graphile/pg-aggregates";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";
import { makePgService } from "postgraphile/adaptors/pg";
import { postgraphile } from "postgraphile";

const PROCESSES = 2;

// The aggregates have `count(distinct ...)` only, which sorts; `count(...)` is what one would ask for.
const CountPlugin = {
  name: "CountPlugin",
  version: "1.0.0",
  after: ["PgAggregatesSpecsPlugin"],
  schema: {
    hooks: {
      build(build) {
        const { sql } = build;
        build.pgAggregateSpecs.push({
          id: "count",
          humanLabel: "count",
          HumanLabel: "Count",
          isSuitableType: () => true,
          sqlAggregateWrap: (value) => sql`count(${value})`,
          pgTypeCodecModifier: () => build.dataplanPg.TYPES.bigint,
        });
        return build;
      },
    },
  },
};

const preset = {
  extends: [PostGraphileAmberPreset, PostGraphileConnectionFilterPreset, PgAggregatesPreset],
  plugins: [CountPlugin],
  pgServices: [
    makePgService({
      // The socket's directory; a connection string cannot name one without escapes.
      poolConfig: {
        host: process.env.PGHOST,
        port: Number(process.env.PGPORT),
        user: process.env.PGUSER,
        database: process.env.PGDATABASE,
        max: 16,
      },
      schemas: ["organization"],
    }),
  ],
  grafast: { explain: false },
  grafserv: { graphqlPath: "/graphql", graphiql: false, websockets: false },
};

if (cluster.isPrimary) {
  const listening = new Set();
  cluster.on("listening", (worker, address) => {
    listening.add(worker.id);
    if (listening.size === PROCESSES) console.log(JSON.stringify({ port: address.port }));
  });
  let status = 1;
  cluster.on("exit", () => {
    if (status === 1 || Object.keys(cluster.workers).length === 0) process.exit(status);
  });
  const end = () => {
    status = 0;
    for (const worker of Object.values(cluster.workers)) worker.process.kill();
  };
  process.stdin.on("end", end).resume();
  for (let index = 0; index < PROCESSES; index += 1) cluster.fork();
} else {
  const server = createServer();
  server.on("error", (error) => {
    console.error(error);
    process.exit(1);
  });
  const serving = postgraphile(preset).createServ(grafserv);
  await serving.addTo(server);
  await serving.ready?.();
  server.listen(0, "127.0.0.1");
}
