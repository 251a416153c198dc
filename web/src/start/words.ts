/** How the page says numbers, times and states. */

import type { SyncRun, Tenant } from "./overview.ts";

export type Tone = "good" | "warn" | "bad" | "calm";

const numbers = new Intl.NumberFormat("en");
const instants = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
const spans = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export function count(value: number): string {
  return numbers.format(value);
}

export function instant(iso: string): string {
  return instants.format(new Date(iso));
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "3 minutes ago", "in 5 hours". */
export function fromNow(iso: string, now = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1_000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return spans.format(Math.round(seconds / length), unit);
  }
  return seconds <= 0 ? "just now" : "in a moment";
}

/** "4.2 s", "3 min". */
export function span(from: string, to: string): string {
  const seconds = (Date.parse(to) - Date.parse(from)) / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.round(seconds / 60)} min`;
}

export const CONNECTION: Record<Tenant["connection"], { word: string; tone: Tone }> = {
  CONNECTING: { word: "Connecting", tone: "calm" },
  CONNECTED: { word: "Connected", tone: "good" },
  NEEDS_CONSENT: { word: "Needs consent", tone: "warn" },
  MISCONFIGURED: { word: "Misconfigured", tone: "bad" },
  DISCONNECTED: { word: "Disconnected", tone: "calm" },
};

export const SYNC: Record<SyncRun["state"], { word: string; tone: Tone }> = {
  QUEUED: { word: "Queued", tone: "calm" },
  RUNNING: { word: "Running", tone: "calm" },
  COMPLETE: { word: "Complete", tone: "good" },
  PARTIAL: { word: "Partial", tone: "warn" },
  FAILED: { word: "Failed", tone: "bad" },
  CANCELED: { word: "Canceled", tone: "calm" },
};

/** "SIGN_IN_ACTIVITY" is "sign in activity" for people. */
export function dataset(name: string): string {
  return name.toLowerCase().replaceAll("_", " ");
}
