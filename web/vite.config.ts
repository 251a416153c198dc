import { resolve } from "node:path";
import { defineConfig } from "vite";
import { compress } from "./build/compress.ts";
import { licenses } from "./build/licenses.ts";

const root = import.meta.dirname;

export default defineConfig({
  root,
  plugins: [licenses(root), compress()],
  build: {
    target: "es2022",
    // Every browser of that target preloads modules itself.
    modulePreload: { polyfill: false },
    // Monaco's editor core is one chunk, and it is meant to be.
    chunkSizeWarningLimit: 5_000,
    rolldownOptions: {
      input: [resolve(root, "index.html"), resolve(root, "graphiql.html")],
      // "use client" speaks to server-side renderers, of which there is none.
      onwarn: (warning, warn) => warning.code === "MODULE_LEVEL_DIRECTIVE" || warn(warning),
    },
  },
  server: {
    // `npm run dev` beside a running `seatwise demo`: pages from here, answers from there.
    proxy: { "/graphql": { target: "http://127.0.0.1:8365", changeOrigin: true } },
  },
});
