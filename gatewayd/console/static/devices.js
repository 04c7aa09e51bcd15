// The devices: each a card with its state, its channels as rows that open to a larger plot.

import { REASONS, age, breakable, clockTime, duration, make, number, quantity, say, unit } from "./show.js";
import { plot } from "./plot.js";

const HISTORY = 240; // As many as the gateway remembers.

export class DeviceCard {
  constructor(name) {
    this.name = name;
    this.state = make("span", { class: "pill" });
    this.kind = make("span", { class: "quiet" });
    this.reason = make("p", { class: "why bad", hidden: true });
    this.rows = make("div", { class: "rows" });
    this.element = make("article", { class: "card device", "data-device": name },
      make("header", {}, make("h3", {}, name), this.kind, this.state), this.reason, this.rows);
  }

  show(edge) {
    showEdge(edge, this.state, this.reason);
    say(this.kind, edge.driver);
  }
}

// What is stronger than opening a device again; the gateway climbs there by itself.
const RESETS = ["device reset", "port reset", "adapter reset"];

// How a device or a cloud is: a word, and where it is not well, why, until when, and what the next
// try begins with. Where it had to be reset, that stays to be seen: it may be the cable.
export function showEdge(edge, state, reason) {
  const isWell = edge.is_up && !edge.stopped;
  say(state, edge.stopped ? "stopped" : edge.is_up ? "up" : "down");
  state.className = `pill ${isWell ? "good" : "bad"}`;
  const words = isWell ? remedy(edge) : edge.stopped || trouble(edge);
  reason.hidden = !words;
  reason.className = `why ${isWell ? "" : "bad"}`;
  say(reason, words);
}

function remedy({ helped }) {
  return RESETS.includes(helped) ? `a ${helped} brought it back` : "";
}

function trouble({ reason, retry_s: retry, failures, rung }) {
  const facts = [reason];
  if (failures > 1) facts.push(`${failures} failures in a row`);
  const first = RESETS.includes(rung) ? `, with a ${rung} first` : "";
  if (retry) facts.push(`next try after ${duration(retry)}${first}`);
  return facts.join("; ");
}

export class ChannelRow {
  constructor(channel) {
    this.channel = channel;
    this.history = [];
    this.hasHistory = false;
    this.name = make("span", { class: "name" }, breakable(channel.channel.split("/")[1]));
    this.small = plane("spark");
    this.value = make("span", { class: "value" });
    this.age = make("span", { class: "age" });
    this.large = plane("large");
    this.facts = make("p", { class: "facts quiet" });
    this.element = make("details", { class: "row", "data-channel": channel.channel },
      make("summary", {}, this.name, this.small, this.value, this.age),
      make("div", { class: "more" }, this.large, this.facts));
    this.element.addEventListener("toggle", () => this.draw());
    this.take(channel);
  }

  // Load what the gateway remembers, once the row is looked at.
  async load() {
    if (this.hasHistory) return;
    this.hasHistory = true;
    try {
      const path = this.channel.channel.split("/").map(encodeURIComponent).join("/");
      const answer = await fetch(`/api/channels/${path}/history`);
      if (!answer.ok) throw new Error(answer.statusText);
      const newest = this.history.at(-1)?.time_ms ?? Infinity;
      const older = (await answer.json()).filter((each) => each.time_ms < newest);
      this.history = [...older, ...this.history].slice(-HISTORY);
    } catch {
      this.hasHistory = false;
    }
    this.draw();
  }

  describe(channel) {
    this.channel = { ...this.channel, stale_s: channel.stale_s };
    if (channel.latest_good) this.keepGood(channel.latest_good);
  }

  take(reading) {
    this.reading = reading;
    this.seenAt = reading.age_s === null ? null : Date.now() - reading.age_s * 1000;
    if (reading.value !== null) this.keepGood(reading);
    else if (reading.latest_good) this.keepGood(reading.latest_good);
    if (reading.time_ms !== null && reading.time_ms !== this.history.at(-1)?.time_ms) {
      this.history.push({ time_ms: reading.time_ms, value: reading.value });
      if (this.history.length > HISTORY) this.history.shift();
    }
    this.tick();
    this.draw();
  }

  keepGood(reading) {
    this.good = { value: reading.value, at: Date.now() - reading.age_s * 1000 };
  }

  // Once a second: how old it is, and whether that is too old.
  tick() {
    const { reading, channel } = this;
    const seconds = this.seenAt === null ? null : (Date.now() - this.seenAt) / 1000;
    const isOld = seconds !== null && channel.stale_s !== null && seconds > channel.stale_s;
    if (reading.value === null) {
      const never = seconds === null;
      say(this.value, never ? "no value yet" : REASONS[reading.quality] ?? reading.quality);
      const last = this.good ? `last ${quantity(this.good.value, this.channel)}, ${age((Date.now() - this.good.at) / 1000)}` : "never had a value";
      say(this.age, never ? "never heard of" : last);
      this.mood(reading.quality === "off" ? "off" : "missing");
      return;
    }
    say(this.value, quantity(reading.value, this.channel));
    const doubt = reading.quality === "uncertain" ? "uncertain, " : "";
    say(this.age, `${isOld ? "old: " : ""}${doubt}${age(seconds)}`);
    this.mood(isOld ? "old" : reading.quality === "uncertain" ? "doubtful" : "fresh");
  }

  mood(name) {
    if (this.element.dataset.mood !== name) this.element.dataset.mood = name;
  }

  draw() {
    const range = plot(this.small, this.history, 120, 28);
    if (!this.element.open) return;
    plot(this.large, this.history, 600, 140);
    this.large.toggleAttribute("hidden", !range);
    const { decimals, unit: code, kind } = this.channel;
    const facts = [kind];
    if (range && typeof this.good?.value === "number") {
      facts.push(`${number(range.low, decimals)} to ${number(range.high, decimals)} ${unit(code)}`);
    }
    if (range) facts.push(`${clockTime(range.fromMs)} to ${clockTime(range.toMs)}`);
    facts.push(`${this.history.length} readings here`);
    say(this.facts, facts.join(" · "));
  }
}

function plane(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", name);
  svg.setAttribute("aria-hidden", "true");
  return svg;
}
