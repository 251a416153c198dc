/** The mark: four seats, three of them taken. */
export function Brand() {
  return (
    <a className="brand" href="/">
      <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
        <rect width="32" height="32" rx="7" fill="var(--mark)" />
        <g fill="#fff">
          <rect x="7" y="7" width="8" height="8" rx="2.5" />
          <rect x="17" y="7" width="8" height="8" rx="2.5" />
          <rect x="7" y="17" width="8" height="8" rx="2.5" />
        </g>
        <rect x="18" y="18" width="6" height="6" rx="1.8" fill="none" stroke="#fff" strokeWidth="2" opacity=".65" />
      </svg>
      Seatwise
    </a>
  );
}
