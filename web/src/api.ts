/** GraphQL over HTTP, and subscriptions as server-sent events; both with the bearer token. */

export interface Operation {
  query: string;
  operationName?: string | null;
  variables?: unknown;
}

export interface GraphQLError {
  message: string;
  path?: (string | number)[];
  extensions?: { code?: string };
}

export interface Answer<Data = unknown> {
  data?: Data | null;
  errors?: GraphQLError[];
}

/** The server does not accept the token (401). */
export class Refused extends Error {}

/** The server wants us to wait before we ask again (429, 503). */
export class MustWait extends Error {
  constructor(
    message: string,
    readonly seconds: number,
  ) {
    super(message);
  }
}

/** Nobody answered, or what answered is not Seatwise. */
export class Unanswered extends Error {}

/** Asks once. GraphQL errors are part of the answer; what is no answer at all is thrown. */
export async function ask<Data>(token: string, operation: Operation, signal?: AbortSignal): Promise<Answer<Data>> {
  const response = await post(token, operation, "application/graphql-response+json, application/json;q=0.9", signal);
  return (await answerIn(response)) as Answer<Data>;
}

export interface Observer {
  next(answer: Answer): void;
  error(error: unknown): void;
  complete(): void;
}

/** Follows a subscription until it completes or the returned function is called. */
export function follow(token: string, operation: Operation, observer: Observer): () => void {
  const abort = new AbortController();
  void (async () => {
    try {
      const response = await post(token, operation, "text/event-stream", abort.signal);
      if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
        observer.next(await answerIn(response));
      } else {
        await readEvents(response, observer);
      }
      observer.complete();
    } catch (error) {
      if (!abort.signal.aborted) observer.error(error);
    }
  })();
  return () => abort.abort();
}

async function post(token: string, operation: Operation, accept: string, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch("/graphql", {
      method: "POST",
      headers: { accept, authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(operation),
      signal,
      credentials: "omit",
      cache: "no-store",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unanswered("The server does not answer. Is it running?");
  }
  if (response.status === 401) {
    throw new Refused((await messageIn(response)) ?? "The server does not accept this token.");
  }
  if (response.status === 429 || response.status === 503) {
    const seconds = Math.max(1, Number.parseInt(response.headers.get("retry-after") ?? "", 10) || 5);
    throw new MustWait((await messageIn(response)) ?? "The server wants us to wait.", seconds);
  }
  return response;
}

async function answerIn(response: Response): Promise<Answer> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body === "object" && body !== null && ("data" in body || "errors" in body)) return body as Answer;
  throw new Unanswered(`The server answered HTTP ${response.status} without a GraphQL answer.`);
}

async function messageIn(response: Response): Promise<string | undefined> {
  const body: Answer | null = await response.json().catch(() => null);
  return body?.errors?.[0]?.message;
}

/** The distinct connections mode of graphql-sse: `next` carries an answer, `complete` ends it. */
async function readEvents(response: Response, observer: Observer): Promise<void> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    // A chunk may end between the two characters of a line end: the last line waits for the next chunk.
    pending += value;
    const events = pending.split(/\r?\n\r?\n/);
    pending = events.pop() ?? "";
    for (const event of events) {
      const { name, data } = parseEvent(event);
      if (name === "complete") return void (await reader.cancel());
      if (name === "next" && data !== "") observer.next(JSON.parse(data));
    }
  }
}

function parseEvent(text: string): { name: string; data: string } {
  let name = "message";
  const data: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (field === "event") name = value ?? "";
    if (field === "data") data.push(value ?? "");
  }
  return { name, data: data.join("\n") };
}
