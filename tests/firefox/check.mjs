// The web UI in Firefox, by WebDriver BiDi: node check.mjs ADDRESS PASSWORD FIREFOX
import assert from "node:assert/strict";
import puppeteer from "puppeteer-core";

const [base, password, executablePath] = process.argv.slice(2);
const WAIT_MS = 120_000;
const OPEN = [0, 166, 89]; // the colour of who is connected now
const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true, timeout: WAIT_MS });
const page = await browser.newPage();
const wrong = [];
page.setDefaultTimeout(WAIT_MS);
page.setDefaultNavigationTimeout(WAIT_MS);
page.on("pageerror", (error) => wrong.push(`thrown: ${error.message}`));
page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
await page.setViewport({ width: 1280, height: 900 });

const count = (selector, least) =>
  page.waitForFunction((each, n) => document.querySelectorAll(each).length >= n, {}, selector, least);
// A page is credited with whole seconds in which it is seen.
const beSeen = () => new Promise((done) => setTimeout(done, 2000));
const said = (name) => console.log(`ok  ${name}`);

async function go(path) {
  await page.goto(base + path);
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
}

await page.goto(`${base}/ui/login`);
await page.type("[name=username]", "admin");
await page.type("[name=password]", "wrong");
await page.click("#login [type=submit]");
await page.waitForSelector("#login-error:not([hidden])");
await page.click("[name=password]", { count: 3 });
await page.type("[name=password]", password);
await page.click("#login [type=submit]");
await page.waitForFunction(() => location.pathname.endsWith("/ui/now"));
// The refused login is an error in the console too.
wrong.length = 0;
said("login");

await count(".now-tile", 4);
await page.waitForSelector(".now-live[data-state=live]");
await page.waitForSelector("st-curve canvas");
await beSeen();
said("Now");

await go("/ui/presence");
await count(".tl-name strong", 10);
await page.waitForFunction(
  ([red, green, blue]) => {
    const canvas = document.querySelector("st-timeline canvas");
    if (!canvas.width) return false;
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4) if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) return true;
    return false;
  },
  { polling: 200 },
  OPEN,
);
await beSeen();
said("Presence");

await go("/ui/devices");
await count("tbody tr", 25);
await page.type("input[type=search]", "anna");
await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 3);
await beSeen();
await Promise.all([page.waitForNavigation(), page.click("tbody td[data-kind=main] a")]);
await page.waitForSelector("st-heat-map table");
said("Devices");

await go("/ui/people");
const pages = await page.waitForFunction(
  async (address) => {
    const [session] = await (await fetch(address)).json();
    const known = Object.keys(session.tab_duration);
    return known.length >= 3 ? known : false;
  },
  { polling: 1000 },
  `${base}/api/v2/sessions?usernames[]=admin&limit=1`,
);
const tracked = await pages.jsonValue();
for (const name of ["presence", "devices"]) assert.ok(tracked.includes(name), `not tracked: ${name} in ${tracked}`);
said(`the tracker: ${tracked.join(", ")}`);

assert.deepEqual(wrong, []);
console.log(await browser.version());
await browser.close();
