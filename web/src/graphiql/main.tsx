// Monaco brings its own styles; `graphiql/style.css` would bring them a second time.
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "../theme.css";
import "./graphiql.css";
import "./workers.ts";
import { GraphiQL } from "graphiql";
import { useMemo } from "react";
import { createRoot } from "react-dom/client";
import { Brand } from "../brand.tsx";
import { type Session, WithSession } from "../session.tsx";
import { adoptTokenFromAddress } from "../token.ts";
import { fetcherFor } from "./fetcher.ts";
import { samples } from "./samples.ts";

function Page() {
  return (
    <WithSession
      frame={(content) => (
        <>
          <header className="bar">
            <Brand />
          </header>
          <main>{content}</main>
        </>
      )}
    >
      {(session) => <Explorer key={session.token} session={session} />}
    </WithSession>
  );
}

function Explorer({ session }: { session: Session }) {
  const { token, end, viewer } = session;
  const fetcher = useMemo(() => fetcherFor({ token, end, viewer }), [token, end, viewer]);
  const tabs = useMemo(() => samples(viewer.tenants[0]?.id), [viewer]);

  return (
    // Without a headers editor there is one place for the token, and no headers to be kept by accident.
    <GraphiQL fetcher={fetcher} defaultTabs={tabs} isHeadersEditorEnabled={false} shouldPersistHeaders={false}>
      <GraphiQL.Logo>
        <Brand />
        <button className="link" onClick={() => end()}>
          Forget token
        </button>
      </GraphiQL.Logo>
    </GraphiQL>
  );
}

adoptTokenFromAddress();
createRoot(document.getElementById("root")!).render(<Page />);
