// The outputs: what each does, why, until when, and the buttons that ask for something else.
// Buttons ask for a state and never for "the other one": what is asked twice happens once.

import { clockTime, duration, make, quantity, say, text, unit } from "./show.js";

const HOLDS = [["", "until changed"], ["30s", "for 30 s"], ["5m", "for 5 min"],
  ["30m", "for 30 min"], ["2h", "for 2 h"]];

export class OutputCard {
  // `mayOperate` false = this login only looks: what would be refused is not offered.
  constructor(name, channel, onDone, mayOperate = true) {
    this.name = name;
    this.channel = channel;
    this.onDone = onDone;
    this.state = null;
    this.value = make("span", { class: "pill big" });
    this.why = make("p", { class: "why" });
    this.left = make("p", { class: "left" });
    this.told = make("p", { class: "told", role: "status" });
    this.hold = make("select", { "aria-label": `How long ${name} stays so` },
      ...HOLDS.map(([value, words]) => make("option", { value }, words)));
    this.form = make("form", { class: "ask", method: "post", "aria-label": `Operate ${name}` });
    this.form.append(...this.controls(), this.hold);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask(event.submitter?.value || this.entered());
    });
    this.element = make("article", { class: "card output", "data-channel": name },
      make("header", {}, make("h3", {}, name), this.value), this.why, this.left, this.form, this.told);
    if (!mayOperate) this.close();
  }

  close() {
    this.element.classList.add("closed");
    for (const each of this.form.elements) each.disabled = true;
    this.tell("", "this login may look, not operate");
  }

  controls() {
    const { kind, minimum, maximum, decimals } = this.channel;
    const set = make("button", { type: "submit", class: "main" }, "Set");
    switch (kind) {
      case "switch":
        return [make("button", { type: "submit", value: "on" }, "On"),
          make("button", { type: "submit", value: "off" }, "Off")];
      case "text":
      case "colour":
        this.input = make("input", { type: "text", "aria-label": this.name, maxlength: 256, required: true,
          placeholder: kind === "colour" ? '{"red": 255, "green": 0, "blue": 0}' : "text" });
        return [this.input, set];
      default:
        this.input = make("input", { type: "number", "aria-label": `${this.name} in ${unit(this.channel.unit) || "its own unit"}`,
          min: minimum, max: maximum, step: decimals === null ? "any" : 10 ** -decimals, required: true });
        return [this.input, make("span", { class: "quiet" }, unit(this.channel.unit)), set];
    }
  }

  entered() {
    if (this.channel.kind !== "colour") return this.input.value;
    try {
      return JSON.parse(this.input.value);
    } catch {
      return this.input.value; // The gateway says what is wrong with it.
    }
  }

  async ask(value) {
    const body = { value };
    if (this.hold.value) body.hold = this.hold.value;
    const buttons = this.form.querySelectorAll("button");
    buttons.forEach((each) => { each.setAttribute("aria-disabled", "true"); });
    this.tell("busy", `asking for ${text(value)} …`);
    try {
      const [device, channel] = this.name.split("/").map(encodeURIComponent);
      const answer = await fetch(`/api/outputs/${device}/${channel}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      this.showOutcome(await answer.json());
    } catch {
      this.tell("bad", "the gateway did not answer; look at what the output does");
    }
    buttons.forEach((each) => { each.removeAttribute("aria-disabled"); });
    this.onDone();
  }

  showOutcome(outcome) {
    const when = clockTime(Date.now());
    if (outcome.error) {
      this.tell("bad", `${when} not asked: ${outcome.error}`);
      return;
    }
    const facts = [];
    if (outcome.value !== null) {
      facts.push(`it is ${text(outcome.value, this.channel)} (${outcome.is_verified ? outcome.verified_by : "assumed"})`);
    }
    if (outcome.detail) facts.push(outcome.detail);
    for (const stage of ["applied", "verified"]) {
      const moment = outcome[`${stage}_ms`];
      if (moment) facts.push(`${stage} after ${Math.max(0, moment - outcome.accepted_ms)} ms`);
    }
    this.tell(outcome.status === "done" ? "good" : "bad", `${when} ${outcome.status}: ${facts.join("; ")}`);
  }

  tell(mood, words) {
    this.told.className = `told ${mood}`;
    say(this.told, words);
  }

  show(state) {
    this.state = state;
    this.shownAt = Date.now();
    const { value, is_safe: isSafe, is_verified: isVerified } = state;
    say(this.value, state.blink_s ? `blinking every ${state.blink_s} s` : quantity(value, this.channel));
    this.value.className = `pill big ${value === null ? "bad" : isSafe ? "calm" : "lit"}`;
    this.form.querySelectorAll("button[value]").forEach((button) => {
      const isNow = value !== null && button.value === text(value) && !state.blink_s;
      button.classList.toggle("now", isNow);
      button.setAttribute("aria-current", isNow ? "true" : "false");
    });
    this.surety = isVerified ? "read back" : "assumed, it cannot be read back";
    this.tick();
  }

  // Once a second: what runs by itself.
  tick() {
    const { state } = this;
    if (!state) return;
    const ran = (Date.now() - this.shownAt) / 1000;
    const fact = state.value === null
      ? "nobody knows what it does"
      : `so for ${duration(state.for_s + ran)}, ${this.surety}`;
    say(this.why, `${fact} · ${state.reason}`);
    const safe = text(state.safe, this.channel);
    let words = state.is_safe ? "safe" : `not at its safe value, ${safe}`;
    if (state.left_s !== null) words = `goes back to ${safe} in ${duration(Math.max(0, state.left_s - ran))}`;
    say(this.left, words);
  }
}
