// Walks through the portal as somebody who owns a guild, in a real Chromium. Ends with an error at the first thing that
// is not as it should be.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const { PORTAL, GUILD, GUILD_NAME, OTHER, OWNER, CHROMIUM, PICTURES } = process.env;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// Chromium's own sandbox needs rights that containers rarely have; it visits nothing but our own pages here.
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
const context = await browser.newContext();
const page = await context.newPage();
page.setDefaultTimeout(20_000);
// What stood there when something was not as it should be.
process.on("uncaughtExceptionMonitor", () => console.log(`at ${page.url()}; the browser said: ${complaints.join("; ")}`));
const complaints = [];
const isOurs = (message) => message.type() === "error" && message.location().url.startsWith(PORTAL);
page.on("console", (message) => isOurs(message) && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(String(error)));

// The pages forbid scripts; the checker runs in a second context that is told to allow its own.
async function isAccessible(path) {
  const checked = await browser.newContext({ bypassCSP: true, storageState: await context.storageState() });
  const copy = await checked.newPage();
  await copy.goto(PORTAL + path);
  await copy.evaluate(axe);
  const { violations } = await copy.evaluate(() => window.axe.run());
  await checked.close();
  const found = violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(found, [], `${path} is not accessible`);
}

const picture = (name) => page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });

await page.goto(PORTAL);
await page.getByRole("heading", { level: 1 }).waitFor();
await picture("sign-in");
await isAccessible("/");
await page.keyboard.press("Tab");
assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");

await page.getByRole("link", { name: "Sign in with Discord" }).click();
await page.getByLabel("Sign in as").selectOption(OWNER);
await page.getByRole("button", { name: "Authorize" }).click();
await page.waitForURL(`${PORTAL}/guilds`);
const cookies = await context.cookies(PORTAL);
assert.ok(cookies.every((cookie) => cookie.httpOnly && cookie.sameSite === "Lax"), "cookies are out of scripts' reach");
await picture("guilds");
await isAccessible("/guilds");

await page.getByRole("link", { name: GUILD_NAME, exact: true }).click();
await page.getByRole("heading", { level: 1, name: GUILD_NAME }).waitFor();
// The first two are the host's figures, the others the plugin `activity`'s.
for (const what of ["messages", "actions", "messages of members", "active members"]) {
  const id = `plot-${what.replaceAll(" ", "-")}`;
  const section = page.locator("section", { has: page.locator(`#${id}`) });
  const bars = section.locator("svg rect");
  assert.equal(await bars.count(), 30, "a bar a day");
  const heights = await bars.evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect().height));
  assert.ok(Math.max(...heights) > 100, `something of today's ${what} is drawn: ${heights}`);
  await section.getByText("As a table").click();
  const figures = await section.locator("tbody td").allTextContents();
  const total = figures.map(Number).reduce((sum, figure) => sum + figure, 0);
  assert.equal(await page.locator(`#${id}`).textContent(), `${total} ${what} in 30 days`);
}
await picture("overview");
await isAccessible(`/guilds/${GUILD}`);

await page.getByRole("link", { name: "honeypot" }).click();
await page.getByLabel("response").selectOption("ban");
await page.getByLabel("timeout hours").fill("24");
await page.getByLabel("channels").fill("1\n2");
await page.getByRole("button", { name: "Save" }).click();
await page.getByRole("status").waitFor();
await page.goto(`${PORTAL}/guilds/${GUILD}/plugins/honeypot`);
assert.equal(await page.getByLabel("response").inputValue(), "ban", "it is kept");
assert.equal(await page.getByLabel("timeout hours").inputValue(), "24");
assert.equal(await page.getByLabel("channels").inputValue(), "1\n2");
await isAccessible(`/guilds/${GUILD}/plugins/honeypot`);
// A browser that does not check what it is told to.
await page.getByLabel("timeout hours").evaluate((field) => field.removeAttribute("max"));
await page.getByLabel("timeout hours").fill("9999");
await page.getByRole("button", { name: "Save" }).click();
await page.getByRole("alert").getByText("timeout_hours").waitFor();
assert.equal(await page.getByLabel("timeout hours").inputValue(), "9999", "what was typed is still there");
await picture("settings");

await page.goto(`${PORTAL}/guilds/${GUILD}/plugins/honeypot`);
await page.locator(".settings input[name=csrf]").evaluate((field) => (field.value = "another"));
const forged = page.waitForResponse((response) => response.request().method() === "POST");
await page.getByRole("button", { name: "Save" }).click();
assert.equal((await forged).status(), 403, "a form of another page is refused");
await picture("problem");
const foreign = await page.goto(`${PORTAL}/guilds/${OTHER}`);
assert.equal(foreign.status(), 403, "somebody else's guild");
await isAccessible(`/guilds/${OTHER}`);

await page.goto(`${PORTAL}/guilds`);
await page.getByRole("button", { name: "Sign out" }).click();
await page.getByRole("link", { name: "Sign in with Discord" }).waitFor();
await page.goto(`${PORTAL}/guilds`);
assert.equal(page.url(), `${PORTAL}/`, "nobody is signed in");

// A refused form or page is an answer with such a status, which Chromium notes.
assert.deepEqual(complaints.filter((text) => !/status of (403|422)/.test(text)), []);
await browser.close();
console.log("done");
