const APP = `[tenants.contoso]
tenant_id = "contoso.onmicrosoft.com"   # or the tenant's GUID
client_id = "00000000-0000-0000-0000-000000000000"
access = "app"`;

const DELEGATED = `[tenants.contoso]
tenant_id = "contoso.onmicrosoft.com"
client_id = "00000000-0000-0000-0000-000000000000"
access = "delegated"`;

/** No tenant yet: what to write where. */
export function Unconfigured() {
  return (
    <article className="card prose">
      <h2>No tenant is configured yet</h2>
      <p>
        Register an application in Microsoft Entra, write one of these into <code>config.toml</code>, and start Seatwise again. The
        name after <code>tenants.</code> is yours to choose.
      </p>
      <h3>As an application</h3>
      <pre>{APP}</pre>
      <h3>As a service account that signs in</h3>
      <pre>{DELEGATED}</pre>
      <p>
        A <strong>Connect</strong> button then appears here. The application needs a redirect address: <code>public_url</code> of{" "}
        <code>[server]</code> with <code>/connect/callback</code> behind it, <code>http://localhost:8365/connect/callback</code>{" "}
        unless you changed it.
      </p>
      <h3>Its secret</h3>
      <p>
        Either way it belongs into the environment, not into the file: <code>SEATWISE_TENANTS__CONTOSO__CLIENT_SECRET</code>.
      </p>
      <p>
        Only looking around? <code>seatwise demo</code> shows an invented organization and asks nobody.
      </p>
    </article>
  );
}
