// The page: what the gateway says, as it says it. Built once, then only changed where it changed,
// so that what somebody has open, focused or selected stays so.

import { ChannelRow, DeviceCard, showEdge } from "./devices.js";
import { OutputCard } from "./outputs.js";
import { clockTime, count, dateTime, duration, make, say, text } from "./show.js";

const SILENT_MS = 20000; // The gateway says something every 5 s; after this long it is away.
const AGAIN_MS = 3000;
const SLOW_MS = 10000; // Between two looks at the ledger, which is counted row by row.
const DESCRIBE_EVERY = 6; // … and every so many of them at what the channels are.
const COMMANDS = 8;

const at = (id) => document.getElementById(id);
const channels = new Map(); // Descriptions by name.
const rows = new Map();
const devices = new Map();
const outputs = new Map();
const uplinks = new Map();
let events = null;
let heardAt = 0;
let lostAt = null;
let uptime = null;
let mayOperate = true;

const watcher = new IntersectionObserver((seen) => {
  for (const each of seen) if (each.isIntersecting) rows.get(each.target.dataset.channel)?.load();
});

async function get(path) {
  const answer = await fetch(path);
  if (answer.status === 401) location.replace("/login");
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function card(shelf, cards, name, build) {
  if (!cards.has(name)) {
    const made = build();
    cards.set(name, made);
    const section = at(shelf);
    section.hidden = false;
    section.querySelector(".cards > .quiet")?.remove();
    section.querySelector(".cards").append(made.element);
  }
  return cards.get(name);
}

// What there is

async function describe() {
  for (const channel of await get("/api/channels")) {
    const isNew = !channels.has(channel.channel);
    channels.set(channel.channel, channel);
    if (channel.is_output) continue;
    if (!isNew) {
      rows.get(channel.channel).describe(channel);
      continue;
    }
    const device = channel.channel.split("/")[0];
    const row = new ChannelRow(channel);
    rows.set(channel.channel, row);
    card("devices", devices, device, () => new DeviceCard(device)).rows.append(row.element);
    watcher.observe(row.element);
  }
}

// What the gateway says

function takeReadings(readings) {
  for (const reading of readings) rows.get(reading.channel)?.take(reading);
}

function takeOutputs(states) {
  for (const state of states) {
    const channel = channels.get(state.channel);
    if (!channel) continue;
    card("outputs", outputs, state.channel, () => new OutputCard(state.channel, channel, slowly, mayOperate))
      .show(state);
  }
}

function takeHealth(told) {
  const { gateway, health, clock } = told;
  say(at("name"), gateway.name);
  document.title = `${health.is_ok ? "" : "⚠ "}${gateway.name}`;
  say(at("about"), gateway.id);
  uptime = { version: gateway.version, from: Date.now() - gateway.uptime_s * 1000 };
  pill("health", health.is_ok ? "good" : "bad", health.is_ok ? "healthy" : health.reason);
  pill("clock", clock.is_synchronised ? "good" : "bad",
    clock.is_synchronised ? "clock right" : "clock not set yet");
  for (const edge of told.devices) {
    const isOutput = [...channels.values()].some((each) => each.is_output && each.channel.startsWith(`${edge.name}/`));
    // An actuator that is well shows itself under the outputs.
    if (isOutput && edge.is_up && !devices.has(edge.name)) continue;
    card("devices", devices, edge.name, () => new DeviceCard(edge.name)).show(edge);
  }
  for (const edge of told.uplinks) {
    card("uplinks", uplinks, edge.name, () => new UplinkCard(edge.name)).show(edge);
  }
  const { lost } = told.outbox;
  const losses = Object.entries(lost).filter(([, number]) => number);
  const lines = [cardLine(told.outbox.card)];
  if (losses.length) lines.unshift(`Lost before any log: ${losses.map(([place, n]) => `${n} (${place})`).join(", ")}`);
  say(at("foot"), lines.filter(Boolean).join(" · "));
}

function cardLine(card) {
  // Nothing is said until a rate is known; it takes five minutes.
  if (!card || card.own_bytes_a_day === null) return "";
  const size = (bytes) => `${(bytes / 1e6).toPrecision(3)} MB`;
  const all = card.device_bytes_a_day === null ? "" : `, ${size(card.device_bytes_a_day)} by all`;
  const budget = card.budget_bytes_a_day === null ? "" : ` of ${size(card.budget_bytes_a_day)}`;
  const years = card.years_left === null ? "" : `; a new card lasts ${Math.min(card.years_left, 100)} years at this rate`;
  return `Card: ${size(card.own_bytes_a_day)} a day by gatewayd${all}${budget}${years}`;
}

function pill(id, mood, words) {
  at(id).className = `pill ${mood}`;
  say(at(id), words);
}

class UplinkCard {
  constructor(name) {
    this.state = make("span", { class: "pill" });
    this.kind = make("span", { class: "quiet" });
    this.reason = make("p", { class: "why bad", hidden: true });
    this.sum = make("dl", { class: "sum" });
    this.figures = {};
    for (const [key, sign] of [["accepted", ""], ["delivered", "="], ["pending", "+"], ["dropped", "+"]]) {
      this.figures[key] = make("dd", {}, "0");
      this.sum.append(make("div", { "data-sign": sign, "data-key": key }, make("dt", {}, key), this.figures[key]));
    }
    this.drops = make("p", { class: "why", hidden: true });
    this.balance = make("p", { class: "balance quiet" }, "not counted yet");
    this.element = make("article", { class: "card uplink", "data-uplink": name },
      make("header", {}, make("h3", {}, name), this.kind, this.state),
      this.reason, this.sum, this.drops, this.balance);
  }

  show(edge) {
    showEdge(edge, this.state, this.reason);
    say(this.kind, edge.kind);
    const reasons = Object.entries(edge.dropped);
    const dropped = reasons.reduce((sum, [, number]) => sum + number, 0);
    for (const key of ["accepted", "delivered", "pending"]) say(this.figures[key], count(edge[key]));
    say(this.figures.dropped, count(dropped));
    this.sum.querySelector("[data-key=dropped]").classList.toggle("bad", dropped > 0);
    const parts = [];
    if (dropped) parts.push(`dropped: ${reasons.map(([why, number]) => `${count(number)} ${why}`).join(", ")}`);
    // No answer came to the first time: the cloud may have these twice.
    if (edge.repeated) parts.push(`sent again: ${count(edge.repeated)}`);
    this.drops.hidden = !parts.length;
    say(this.drops, parts.join("; "));
  }

  showLine(line) {
    this.balance.className = `balance ${line.is_balanced ? "quiet" : "bad"}`;
    say(this.balance, line.is_balanced
      ? `balanced, counted row by row at ${clockTime(Date.now())}`
      : "does NOT balance: rows in the log differ from what is pending");
  }
}

// What is asked for now and then

async function slowly() {
  try {
    const [status, ledger] = await Promise.all([get("/api/status"), get("/api/ledger")]);
    for (const [name, line] of Object.entries(ledger.uplinks)) uplinks.get(name)?.showLine(line);
    showCommands(status.commands.slice(-COMMANDS).reverse());
  } catch { /* The stream tells when the gateway is away. */ }
}

function showCommands(commands) {
  at("commands").hidden = !commands.length;
  at("commands").querySelector("tbody").replaceChildren(...commands.map((each) => make("tr", {},
    make("td", {}, dateTime(each.time_ms)), make("td", {}, each.origin), make("td", {}, each.channel),
    make("td", {}, text(each.value)),
    make("td", { class: each.outcome === "done" ? "good" : "bad" },
      each.detail ? `${each.outcome}: ${each.detail}` : each.outcome))));
}

// The stream

function listen() {
  events?.close();
  events = new EventSource("/api/events");
  heardAt = Date.now();
  for (const [name, take] of [["readings", takeReadings], ["outputs", takeOutputs], ["health", takeHealth]]) {
    events.addEventListener(name, (event) => {
      heard();
      take(JSON.parse(event.data));
    });
  }
  events.onerror = () => {
    lost();
    if (events.readyState === EventSource.CLOSED) setTimeout(again, AGAIN_MS);
  };
}

async function again() {
  if (events.readyState !== EventSource.CLOSED) return;
  try {
    await describe(); // Leads to the login where the session is over.
    listen();
  } catch {
    setTimeout(again, AGAIN_MS);
  }
}

function heard() {
  heardAt = Date.now();
  if (lostAt === null && at("live").className === "pill good") return;
  lostAt = null;
  pill("live", "good", "live");
  document.body.classList.remove("lost");
  at("alarm").hidden = true;
}

function lost() {
  if (lostAt !== null) return;
  lostAt = Date.now();
  pill("live", "bad", "no connection");
  document.body.classList.add("lost");
  say(at("alarm"), `No connection to the gateway since ${clockTime(heardAt)}: what is shown here is from then.`);
  at("alarm").hidden = false;
}

function tick() {
  for (const row of rows.values()) row.tick();
  for (const output of outputs.values()) output.tick();
  if (uptime) say(at("about"), `gatewayd ${uptime.version} · up ${duration((Date.now() - uptime.from) / 1000)}`);
  if (lostAt === null && heardAt && Date.now() - heardAt > SILENT_MS) {
    lost();
    listen();
  }
}

async function begin() {
  try {
    const { needs_password: hasLogin, role } = await get("/api/login");
    mayOperate = role !== "read";
    at("leave").hidden = !hasLogin;
    await describe();
  } catch {
    lost();
    setTimeout(begin, AGAIN_MS);
    return;
  }
  listen();
  slowly();
  let looks = 0;
  setInterval(() => {
    slowly();
    looks += 1;
    if (looks % DESCRIBE_EVERY === 0 || looks === 1) describe().catch(() => {});
  }, SLOW_MS);
  setInterval(tick, 1000);
}

at("leave").querySelector("button").addEventListener("click", async () => {
  await fetch("/api/logout", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  location.replace("/login");
});

begin();
