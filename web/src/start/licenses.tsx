import { useState } from "react";
import type { License, SeatCounts } from "./overview.ts";
import { count, type Tone } from "./words.ts";

const SHOWN_AT_FIRST = 8;

/** The licenses of one tenant, most used first, with the seats held and used. */
export function Licenses({ licenses }: { licenses: License[] }) {
  const [all, setAll] = useState(false);
  const sorted = licenses.toSorted((a, b) => b.seats.consumed - a.seats.consumed || a.name.localeCompare(b.name));
  const shown = all ? sorted : sorted.slice(0, SHOWN_AT_FIRST);

  return (
    <div className="licenses">
      <table>
        <caption>
          {count(licenses.length)} {licenses.length === 1 ? "license" : "licenses"}
        </caption>
        <thead>
          <tr>
            <th scope="col">License</th>
            <th scope="col" className="number">Used</th>
            <th scope="col" className="number">Held</th>
            <th scope="col" className="number">Free</th>
            <th scope="col" className="share-column">
              <span className="for-readers">Share of the seats that is used</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((license) => (
            <Row key={license.id} license={license} />
          ))}
        </tbody>
      </table>
      {licenses.length > SHOWN_AT_FIRST && (
        <button className="link" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show all ${count(licenses.length)}`}
        </button>
      )}
    </div>
  );
}

function Row({ license: { name, value, seats } }: { license: License }) {
  const held = usable(seats);
  const remarks = remarksOn(seats);
  return (
    <tr>
      <th scope="row">
        {name} <code>{value}</code>
        {remarks !== "" && <small>{remarks}</small>}
      </th>
      <td className="number">{count(seats.consumed)}</td>
      <td className="number">{count(held)}</td>
      <td className={`number ${seats.available < 0 ? "word bad" : ""}`}>{count(seats.available)}</td>
      <td className="share-column">
        <div className={`share ${toneOf(seats)}`}>
          <div style={{ width: `${shareOf(seats) * 100}%` }} />
        </div>
      </td>
    </tr>
  );
}

/** Seats in the time of grace can still be used; suspended and locked out ones cannot. */
function usable({ enabled, warning }: SeatCounts): number {
  return enabled + warning;
}

function shareOf(seats: SeatCounts): number {
  const held = usable(seats);
  return held === 0 ? Math.min(1, seats.consumed) : Math.min(1, seats.consumed / held);
}

function toneOf(seats: SeatCounts): Tone {
  if (seats.available < 0) return "bad";
  return shareOf(seats) >= 0.95 ? "warn" : "good";
}

function remarksOn({ warning, suspended, lockedOut }: SeatCounts): string {
  const parts: [number, string][] = [
    [warning, "in the time of grace"],
    [suspended, "suspended"],
    [lockedOut, "locked out"],
  ];
  return parts
    .filter(([seats]) => seats > 0)
    .map(([seats, what]) => `${count(seats)} ${what}`)
    .join(", ");
}
