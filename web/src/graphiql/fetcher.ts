import type { GraphiQLProps } from "graphiql";
import { Kind, type OperationDefinitionNode, parse } from "graphql";
import { ask, follow, type Observer, type Operation, Refused } from "../api.ts";
import type { Session } from "../session.tsx";

type Fetcher = GraphiQLProps["fetcher"];

/** Queries and mutations are asked once, subscriptions followed; a refused token ends the session. */
export function fetcherFor({ token, end }: Session): Fetcher {
  const endIfRefused = (problem: unknown) => {
    if (problem instanceof Refused) end(problem);
  };

  return (given) => {
    const { operation, kind } = chosen(given);
    if (kind !== "subscription") {
      return ask(token, operation).catch((problem: unknown) => {
        endIfRefused(problem);
        throw problem;
      }) as ReturnType<Fetcher>;
    }
    return {
      subscribe(observer: Observer) {
        const stop = follow(token, operation, {
          next: (answer) => observer.next(answer),
          error(problem) {
            endIfRefused(problem);
            observer.error(problem);
          },
          complete: () => observer.complete(),
        });
        return { unsubscribe: stop };
      },
    } as ReturnType<Fetcher>;
  };
}

/**
 * The operation that is meant, and its kind. GraphiQL tells a name and a parsed document too, but
 * both lag behind the editor: right after a change of tabs they are those of the tab before.
 */
function chosen(operation: Operation): { operation: Operation; kind?: string } {
  const operations = operationsIn(operation.query);
  const named = operations.find(({ name }) => name?.value === operation.operationName);
  const only = operations.length === 1 ? operations[0] : undefined;
  const meant = named ?? only;
  if (meant === undefined) return { operation };
  return { operation: { ...operation, operationName: meant.name?.value }, kind: meant.operation };
}

function operationsIn(query: string): OperationDefinitionNode[] {
  try {
    return parse(query).definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  } catch {
    // The server says better what is wrong, and where.
    return [];
  }
}
