/** What the start page knows: the tenants of the server and what they hold, asked again and again. */

import { useCallback, useEffect, useRef, useState } from "react";
import { ask, MustWait, Refused } from "../api.ts";
import type { Session } from "../session.tsx";

export interface Overview {
  tenants: Tenant[];
  licenses: { totalCount: number; nodes: License[] };
}

export interface Tenant {
  id: string;
  key: string;
  name: string;
  primaryDomain: string | null;
  access: "APP" | "DELEGATED";
  connection: "CONNECTING" | "CONNECTED" | "NEEDS_CONSENT" | "MISCONFIGURED" | "DISCONNECTED";
  problem: string | null;
  userCount: number;
  dataAsOf: string | null;
  nextSyncAt: string | null;
  lastSync: SyncRun | null;
}

export interface SyncRun {
  id: string;
  state: "QUEUED" | "RUNNING" | "COMPLETE" | "PARTIAL" | "FAILED" | "CANCELED";
  startedAt: string;
  finishedAt: string | null;
  progress: number | null;
  problem: string | null;
  datasets: { dataset: string; rows: number; problem: string | null }[];
}

export interface License {
  id: string;
  name: string;
  value: string;
  tenant: { id: string };
  seats: SeatCounts;
}

export interface SeatCounts {
  enabled: number;
  warning: number;
  suspended: number;
  lockedOut: number;
  consumed: number;
  available: number;
}

const OVERVIEW = `query Overview {
  tenants {
    id key name primaryDomain access connection problem userCount dataAsOf nextSyncAt
    lastSync { id state startedAt finishedAt progress problem datasets { dataset rows problem } }
  }
  licenses(first: 500) {
    totalCount
    nodes { id name value tenant { id } seats { enabled warning suspended lockedOut consumed available } }
  }
}`;

const START_SYNC = `mutation StartSync($tenant: ID!) { startSync(tenant: $tenant) { id state } }`;
const CONNECT = `mutation Connect($tenant: ID!) { connectTenant(tenant: $tenant) { url } }`;

const REFRESH_MS = 15_000;
const REFRESH_WHILE_SYNCING_MS = 1_500;

export interface Live {
  overview?: Overview;
  /** Why what is shown is old, or why nothing is shown. */
  problem?: string;
  startSync(tenant: Tenant): Promise<void>;
  connect(tenant: Tenant): Promise<void>;
}

export function isSyncing(tenant: Tenant): boolean {
  return tenant.lastSync?.state === "QUEUED" || tenant.lastSync?.state === "RUNNING";
}

/** The overview, kept fresh while somebody looks at it. */
export function useOverview({ token, end }: Session): Live {
  const [overview, setOverview] = useState<Overview>();
  const [problem, setProblem] = useState<string>();
  const refreshNow = useRef(() => {});

  useEffect(() => {
    const abort = new AbortController();
    let timer: number | undefined;

    const refresh = async () => {
      clearTimeout(timer);
      let pause = REFRESH_MS;
      try {
        const fresh = await run<Overview>(token, OVERVIEW, undefined, abort.signal);
        setOverview(fresh);
        setProblem(undefined);
        if (fresh.tenants.some(isSyncing)) pause = REFRESH_WHILE_SYNCING_MS;
      } catch (error) {
        if (abort.signal.aborted) return;
        if (error instanceof Refused) return end(error);
        if (error instanceof MustWait) pause = Math.max(pause, error.seconds * 1_000);
        setProblem(textOf(error));
      }
      if (abort.signal.aborted) return;
      clearTimeout(timer);
      timer = window.setTimeout(() => document.hidden || void refresh(), pause);
    };

    const onVisible = () => document.hidden || void refresh();
    document.addEventListener("visibilitychange", onVisible);
    refreshNow.current = () => void refresh();
    void refresh();
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, [token, end]);

  const startSync = useCallback(
    async (tenant: Tenant) => {
      await run(token, START_SYNC, { tenant: tenant.id });
      refreshNow.current();
    },
    [token],
  );

  const connect = useCallback(
    async (tenant: Tenant) => {
      const { connectTenant } = await run<{ connectTenant: { url: string | null } }>(token, CONNECT, { tenant: tenant.id });
      if (connectTenant.url === null) return refreshNow.current();
      const url = new URL(connectTenant.url, location.href);
      if (url.protocol !== "https:" && url.protocol !== "http:") throw new Error("The server gave an address that is not a web page.");
      location.assign(url);
    },
    [token],
  );

  return { overview, problem, startSync, connect };
}

/** Asks and takes the first error of the answer for a failure. */
async function run<Data>(token: string, query: string, variables?: unknown, signal?: AbortSignal): Promise<Data> {
  const { data, errors } = await ask<Data>(token, { query, variables }, signal);
  if (errors?.[0] !== undefined) throw new Error(errors[0].message);
  if (data == null) throw new Error("The server answered without data.");
  return data;
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
