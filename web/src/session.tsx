/** Who is asking: keeps the token, checks it once, and asks for another when it is refused. */

import { type ReactNode, type SubmitEvent, useCallback, useEffect, useState } from "react";
import { ask, MustWait, Refused } from "./api.ts";
import { adoptTokenFromAddress, forgetToken, keepToken, keptToken } from "./token.ts";

export interface Session {
  token: string;
  viewer: Viewer;
  /** Forgets the token; `problem` says why, if it was not the person's wish. */
  end(problem?: unknown): void;
}

export interface Viewer {
  name: string;
  role: string;
  tenants: { id: string }[];
}

interface Notice {
  text: string;
  /** When it is worth trying again, in milliseconds since the epoch; unset: at once. */
  retryAt?: number;
}

type State = { step: "check"; token: string } | { step: "ask"; notice?: Notice } | { step: "open"; token: string; viewer: Viewer };

interface Props {
  /** What needs a session. */
  children: (session: Session) => ReactNode;
  /** What surrounds the question for a token. */
  frame?: (content: ReactNode) => ReactNode;
}

export function WithSession({ children, frame = (content) => content }: Props) {
  const [state, setState] = useState<State>(() => begin());

  useEffect(() => {
    // The address that the demo prints may be pasted into a tab that shows this page already.
    const onHashChange = () => {
      adoptTokenFromAddress();
      setState(begin());
    };
    addEventListener("hashchange", onHashChange);
    return () => removeEventListener("hashchange", onHashChange);
  }, []);

  useEffect(() => {
    if (state.step !== "check") return;
    const abort = new AbortController();
    viewerOf(state.token, abort.signal).then(
      (viewer) => {
        keepToken(state.token);
        setState({ step: "open", token: state.token, viewer });
      },
      (problem: unknown) => {
        if (abort.signal.aborted) return;
        if (problem instanceof Refused) forgetToken();
        setState({ step: "ask", notice: noticeOf(problem) });
      },
    );
    return () => abort.abort();
  }, [state]);

  const end = useCallback((problem?: unknown) => {
    forgetToken();
    setState({ step: "ask", notice: problem === undefined ? undefined : noticeOf(problem) });
  }, []);

  switch (state.step) {
    case "check":
      return frame(<p className="quiet" role="status">Checking the access token…</p>);
    case "ask":
      return frame(<SignIn notice={state.notice} onToken={(token) => setState({ step: "check", token })} />);
    case "open":
      return children({ token: state.token, viewer: state.viewer, end });
  }
}

function begin(): State {
  const token = keptToken();
  return token === null ? { step: "ask" } : { step: "check", token };
}

async function viewerOf(token: string, signal: AbortSignal): Promise<Viewer> {
  const answer = await ask<{ viewer: Viewer }>(token, { query: "query Viewer { viewer { name role tenants { id } } }" }, signal);
  const viewer = answer.data?.viewer;
  if (viewer === undefined) throw new Error(answer.errors?.[0]?.message ?? "The server did not say whose token this is.");
  return viewer;
}

function noticeOf(problem: unknown): Notice {
  const text = problem instanceof Error ? problem.message : String(problem);
  if (problem instanceof MustWait) return { text, retryAt: Date.now() + problem.seconds * 1_000 };
  return { text };
}

function SignIn({ notice, onToken }: { notice?: Notice; onToken: (token: string) => void }) {
  const [token, setToken] = useState(() => keptToken() ?? "");
  const wait = useSecondsUntil(notice?.retryAt);

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (token.trim() !== "" && wait === 0) onToken(token.trim());
  };

  return (
    <form className="card sign-in" onSubmit={submit}>
      <h2>Access token</h2>
      <p className="quiet">
        The first <code>seatwise serve</code> prints it once; <code>seatwise demo</code> prints it every time.
      </p>
      {notice && (
        <p className="notice bad" role="alert">
          {notice.text} {wait > 0 && `Try again in ${wait} s.`}
        </p>
      )}
      <label htmlFor="token">Token</label>
      <div className="row">
        <input
          id="token"
          type="password"
          autoComplete="off"
          spellCheck={false}
          autoFocus
          required
          value={token}
          onChange={(event) => setToken(event.target.value)}
        />
        <button className="primary" disabled={wait > 0}>
          Open
        </button>
      </div>
      <p className="quiet small">Kept in this tab only, until it is closed.</p>
    </form>
  );
}

function useSecondsUntil(at: number | undefined): number {
  const [now, setNow] = useState(() => Date.now());
  const left = at === undefined ? 0 : Math.max(0, Math.ceil((at - now) / 1_000));
  useEffect(() => {
    setNow(Date.now());
    if (at === undefined) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [at]);
  return left;
}
