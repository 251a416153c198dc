import "../theme.css";
import "./start.css";
import { createRoot } from "react-dom/client";
import { Brand } from "../brand.tsx";
import { type Session, WithSession } from "../session.tsx";
import { adoptTokenFromAddress } from "../token.ts";
import { useOverview } from "./overview.ts";
import { TenantCard } from "./tenant.tsx";
import { Unconfigured } from "./unconfigured.tsx";
import { count } from "./words.ts";

function Start() {
  return (
    <>
      <header className="bar">
        <Brand />
        <nav aria-label="Pages">
          <a href="/graphiql">GraphiQL</a>
          <a href="/licenses.txt">Third-party licenses</a>
        </nav>
      </header>
      <main>
        <section className="intro">
          <h1>Who holds which Microsoft 365 license</h1>
          <p>
            Seatwise reads users, licenses and seats from Microsoft Graph on a schedule, keeps them on this server, and answers any
            question about them over GraphQL.
          </p>
        </section>
        <WithSession>{(session) => <Tenants session={session} />}</WithSession>
      </main>
    </>
  );
}

function Tenants({ session }: { session: Session }) {
  const { overview, problem, ...actions } = useOverview(session);
  const unlisted = overview === undefined ? 0 : overview.licenses.totalCount - overview.licenses.nodes.length;

  return (
    <>
      <div className="who">
        <span>
          Signed in with the token <strong>{session.viewer.name}</strong> ({session.viewer.role.toLowerCase().replaceAll("_", " ")})
        </span>
        <button className="link" onClick={() => session.end()}>
          Forget it
        </button>
        <a className="button primary" href="/graphiql">
          Ask in GraphiQL
        </a>
      </div>
      {problem !== undefined && (
        <p className="notice bad" role="alert">
          {problem} {overview !== undefined && "What is shown below may be old."}
        </p>
      )}
      {overview === undefined && problem === undefined && <p className="quiet" role="status">Asking the server…</p>}
      {overview?.tenants.length === 0 && <Unconfigured />}
      {overview?.tenants.map((tenant) => (
        <TenantCard
          key={tenant.id}
          tenant={tenant}
          licenses={overview.licenses.nodes.filter((license) => license.tenant.id === tenant.id)}
          actions={actions}
        />
      ))}
      {unlisted > 0 && <p className="quiet">{count(unlisted)} more licenses: ask for them in GraphiQL.</p>}
    </>
  );
}

adoptTokenFromAddress();
createRoot(document.getElementById("root")!).render(<Start />);
