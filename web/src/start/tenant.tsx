import { type ReactNode, useState } from "react";
import { Licenses } from "./licenses.tsx";
import { isSyncing, type License, type Live, type SyncRun, type Tenant, textOf } from "./overview.ts";
import { CONNECTION, count, dataset, fromNow, instant, span, SYNC } from "./words.ts";

interface Props {
  tenant: Tenant;
  licenses: License[];
  actions: Pick<Live, "startSync" | "connect">;
}

/** One tenant: where its connection stands, how old its data is, and what it holds. */
export function TenantCard({ tenant, licenses, actions }: Props) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const connection = CONNECTION[tenant.connection];
  const syncing = isSyncing(tenant);

  const act = (action: (tenant: Tenant) => Promise<void>) => async () => {
    setBusy(true);
    setFailure(undefined);
    await action(tenant).catch((error: unknown) => setFailure(textOf(error)));
    setBusy(false);
  };

  return (
    <article className="card tenant" aria-labelledby={`name-${tenant.key}`} aria-busy={syncing}>
      <header>
        <div>
          <div className="title">
            <h2 id={`name-${tenant.key}`}>{tenant.name}</h2>
            <span className={`pill ${connection.tone}`}>{connection.word}</span>
          </div>
          <p className="quiet">
            {tenant.primaryDomain ?? "domain not known yet"} · <code>{tenant.key}</code>
          </p>
        </div>
        <div className="actions">
          {canConnect(tenant) && (
            <button className="primary" disabled={busy} onClick={act(actions.connect)}>
              Connect
            </button>
          )}
          {(tenant.connection === "CONNECTED" || syncing) && (
            <button disabled={busy || syncing} onClick={act(actions.startSync)}>
              {syncing ? "Syncing…" : "Sync now"}
            </button>
          )}
        </div>
      </header>

      {tenant.problem !== null && <p className={`notice ${connection.tone === "good" ? "warn" : connection.tone}`}>{tenant.problem}</p>}
      {failure !== undefined && (
        <p className="notice bad" role="alert">
          {failure}
        </p>
      )}

      <dl className="facts">
        <Fact name="Users">{count(tenant.userCount)}</Fact>
        <Fact name="Data as of">{tenant.dataAsOf === null ? "no data yet" : <When iso={tenant.dataAsOf} />}</Fact>
        <Fact name="Last sync">{tenant.lastSync === null ? "never" : <LastSync run={tenant.lastSync} />}</Fact>
        <Fact name="Next sync">{tenant.nextSyncAt === null ? "not planned" : <When iso={tenant.nextSyncAt} />}</Fact>
      </dl>

      {tenant.lastSync !== null && <Problems run={tenant.lastSync} />}
      {syncing && <SyncProgress run={tenant.lastSync} />}
      {licenses.length > 0 && <Licenses licenses={licenses} />}
    </article>
  );
}

/** APP is tried at once, DELEGATED goes through the browser; both by the same button. */
function canConnect({ connection }: Tenant): boolean {
  return connection === "NEEDS_CONSENT" || connection === "DISCONNECTED" || connection === "MISCONFIGURED";
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function When({ iso }: { iso: string }) {
  return (
    <time dateTime={iso}>
      {fromNow(iso)} <small>{instant(iso)}</small>
    </time>
  );
}

function LastSync({ run }: { run: SyncRun }) {
  const { word, tone } = SYNC[run.state];
  return (
    <>
      <span className={`word ${tone}`}>{word}</span>{" "}
      <small>
        {fromNow(run.startedAt)}
        {run.finishedAt !== null && `, took ${span(run.startedAt, run.finishedAt)}`}
      </small>
    </>
  );
}

function Problems({ run }: { run: SyncRun }) {
  const ofDatasets = run.datasets.filter(({ problem }) => problem !== null && problem !== run.problem);
  if (run.problem === null && ofDatasets.length === 0) return null;
  return (
    <ul className={`notice ${run.state === "FAILED" ? "bad" : "warn"}`}>
      {run.problem !== null && <li>{run.problem}</li>}
      {ofDatasets.map(({ dataset: name, problem }) => (
        <li key={name}>
          {dataset(name)}: {problem}
        </li>
      ))}
    </ul>
  );
}

function SyncProgress({ run }: { run: SyncRun | null }) {
  const rows = run?.datasets.reduce((sum, { rows }) => sum + rows, 0) ?? 0;
  return (
    <div className="progress">
      <progress aria-label="Progress of the sync" value={run?.progress ?? undefined} max={1} />
      <small>{count(rows)} rows read</small>
    </div>
  );
}
