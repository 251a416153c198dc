/**
 * The access token of this tab. It lives in session storage: gone with the tab, unseen by other
 * sites, never in an address that is sent or kept in the history.
 */

const KEY = "seatwise.token";

/**
 * Takes a token out of `…/#token=…`, the address that `seatwise demo` prints, and cleans the
 * address. A fragment stays in the browser: no server and no log sees it.
 */
export function adoptTokenFromAddress(): void {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  if (token.trim() !== "") keepToken(token.trim());
}

export function keptToken(): string | null {
  return sessionStorage.getItem(KEY);
}

export function keepToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}
