// Opens both pages of a running Seatwise in headless Chromium and uses them as a person would.
//
//   SEATWISE_URL=http://127.0.0.1:8365 SEATWISE_TOKEN=… node run.mjs [--screenshots DIR]
//
// SEATWISE_HOSTILE_NAME, if set, is the display name of some user, made of markup: it must come out
// as text. CHROMIUM names the browser if it is not on the PATH. Exit code: 0 all well, 1 something
// is wrong, 77 there is no browser or no playwright-core here (`npm ci` in this folder brings it).

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import { Watch } from "./watch.mjs";

const NOT_HERE = 77;
const MISSION = `{ users(filter: {department: {eq: "Sales"}, isResourceAccount: false, licenseNames: {hasSome: ["Microsoft 365 E3"]}, userType: {eq: MEMBER}}, first: 50) { totalCount nodes { displayName department licenseNames licenseValues userType } } }`;
const GRAPHIQL_LOOKS_MS = 300;
const SAMPLES = ["SalesWithE3", "Licenses", "Departments", "Tenants", "StartSync", "SyncProgress"];

const { values: options } = parseArgs({ options: { screenshots: { type: "string" } } });
const url = required("SEATWISE_URL").replace(/\/$/, "");
const token = required("SEATWISE_TOKEN");
const hostileName = process.env.SEATWISE_HOSTILE_NAME;
const { chromium } = await import("playwright-core").catch(() => giveUp("playwright-core is not installed: run `npm ci` in tests/browser"));
const executablePath = browser() ?? giveUp("no Chromium here: apt-get install chromium, or set CHROMIUM");

const profile = await mkdtemp(join(tmpdir(), "seatwise-browser-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  viewport: { width: 1280, height: 800 },
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // What asks for another host finds none, and the watch still sees it ask.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
  ],
});

try {
  context.setDefaultTimeout(20_000);
  const watch = await Watch.on(context, new URL(url).origin);
  const page = context.pages()[0] ?? (await context.newPage());
  if (options.screenshots) await mkdir(options.screenshots, { recursive: true });

  await step("a wrong token is refused in words", () => watch.expecting(/status of 401/, () => wrongToken(page)));
  await step("the address with the token opens the start page", () => startPage(page));
  await step("the start page fits a phone and the dark", () => phoneAndDark(page));
  await step("every sample of GraphiQL answers", () => samples(page));
  await step("GraphiQL answers a typed query", () => typedQuery(page));
  if (hostileName) await step("markup in a name stays text", () => markup(page, hostileName));
  await step("the token is kept in this tab only", () => tokenPlace(page));
  watch.assertClean();
  console.log("ok: nothing left the host, no console error, no violation of the content security policy");
} catch (error) {
  console.error(`failed: ${error.stack ?? error}`);
  await picture(context.pages()[0], "failed").catch(() => {});
  process.exitCode = 1;
} finally {
  await context.close();
  await rm(profile, { recursive: true, force: true });
}

// ---------------------------------------------------------------- what a person does

async function wrongToken(page) {
  await page.goto(`${url}/`);
  await page.getByLabel("Token").fill("not-a-token");
  await page.getByRole("button", { name: "Open" }).click();
  assert.notEqual((await page.getByRole("alert").textContent()).trim(), "");
}

async function startPage(page) {
  await page.goto(`${url}/#token=${encodeURIComponent(token)}`);
  const tenant = page.getByRole("article").first();
  await tenant.getByText("Connected", { exact: true }).waitFor();
  await tenant.getByRole("row").nth(1).waitFor();
  assert.equal(page.url(), `${url}/`, "the token stays in the address");
  await picture(page, "start");
}

async function phoneAndDark(page) {
  await page.emulateMedia({ colorScheme: "dark" });
  await picture(page, "start-dark");
  await page.setViewportSize({ width: 390, height: 844 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} px wider than a phone`);
  await picture(page, "start-phone");
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: "light" });
}

async function samples(page) {
  await page.getByRole("link", { name: "Ask in GraphiQL" }).click();
  for (const name of SAMPLES) {
    await openTab(page, page.locator(".graphiql-tab", { hasText: name }));
    const answer = nextAnswer(page, name);
    await executeButton(page).click();
    if (name === "SyncProgress") await followedToItsEnd(page, await answer);
    else assertAnswered(name, await (await answer).json());
    await responsePane(page).getByText('"data"').first().waitFor();
    if (name === "SalesWithE3") await picture(page, "graphiql");
  }
}

/** A subscription comes as server-sent events; what they say is seen in the pane, the last one at the end. */
async function followedToItsEnd(page, response) {
  assert.match(response.headers()["content-type"], /^text\/event-stream/);
  await executeButton(page).waitFor();
  const shown = (await responsePane(page).textContent()).replaceAll(/\s/g, "");
  assert.match(shown, /"syncProgress":{"state":"(COMPLETE|PARTIAL)"/);
}

async function typedQuery(page) {
  await openTab(page, page.getByRole("button", { name: "New tab" }));
  const answer = await runTyped(page, MISSION);
  const { totalCount, nodes } = answer.data.users;
  assert.ok(totalCount > 0, "nobody in Sales holds Microsoft 365 E3");
  for (const user of nodes) {
    assert.equal(user.department, "Sales");
    assert.equal(user.userType, "MEMBER");
    assert.ok(user.licenseNames.includes("Microsoft 365 E3"));
  }
  await responsePane(page).getByText("totalCount").first().waitFor();
}

async function markup(page, name) {
  await openTab(page, page.getByRole("button", { name: "New tab" }));
  const answer = await runTyped(page, `{ users(filter: {displayName: {eq: ${JSON.stringify(name)}}}) { nodes { displayName } } }`);
  assert.equal(answer.data.users.nodes[0]?.displayName, name);
  await responsePane(page).getByText("displayName").first().waitFor();
  assert.equal(await page.locator('img[src="x"]').count(), 0, "the name became an element");
}

async function tokenPlace(page) {
  const [local, session] = await page.evaluate(() => [JSON.stringify(localStorage), JSON.stringify(sessionStorage)]);
  assert.ok(!local.includes(token), "the token is in local storage");
  assert.ok(session.includes(token), "the token is not in session storage");
}

// ---------------------------------------------------------------- how

/**
 * GraphiQL looks at what a tab holds 100 ms after it was opened, and shows nowhere that it did; a
 * click before that counts for the tab before. A person is never as quick.
 */
async function openTab(page, opener) {
  await page.locator(".graphiql-query-editor .view-line").first().waitFor();
  await page.waitForTimeout(GRAPHIQL_LOOKS_MS);
  await opener.click();
  await page.waitForTimeout(GRAPHIQL_LOOKS_MS);
}

/** Types into the query editor of the open tab, runs it, and hands back the answer. */
async function runTyped(page, query) {
  const editor = page.locator(".graphiql-query-editor .monaco-editor").first();
  await editor.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Delete");
  await page.keyboard.type(query);
  const answer = nextAnswer(page, "users(filter");
  await page.keyboard.press("Control+Enter");
  const response = await answer;
  const sent = response.request().postDataJSON().query;
  assert.equal(sent.replaceAll(/\s/g, ""), query.replaceAll(/\s/g, ""), "the editor sent something else than was typed");
  const body = await response.json();
  assertAnswered(query, body);
  return body;
}

function nextAnswer(page, part) {
  return page.waitForResponse((response) => {
    const request = response.request();
    return request.url() === `${url}/graphql` && (request.postData() ?? "").includes(part);
  });
}

function assertAnswered(what, body) {
  assert.equal(body.errors, undefined, `${what}: ${JSON.stringify(body.errors)}`);
  assert.ok(body.data, `${what}: no data`);
}

/** While a subscription is followed, the button in its place says "Stop". */
function executeButton(page) {
  return page.getByRole("button", { name: /^Execute query/ });
}

function responsePane(page) {
  return page.locator(".graphiql-response .view-lines");
}

async function picture(page, name) {
  if (options.screenshots) await page.screenshot({ path: join(options.screenshots, `${name}.png`) });
}

async function step(title, action) {
  await action();
  console.log(`ok: ${title}`);
}

function required(name) {
  return process.env[name] ?? giveUp(`set ${name}`, 1);
}

function browser() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const candidates = ["chromium", "chromium-browser", "google-chrome"].flatMap((name) => folders.map((folder) => join(folder, name)));
  return process.env.CHROMIUM ?? candidates.find((path) => existsSync(path));
}

function giveUp(reason, code = NOT_HERE) {
  console.error(reason);
  process.exit(code);
}
