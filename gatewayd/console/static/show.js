// How things are said to a person: values, units, ages, durations. Nothing here touches the page.

// UCUM codes as people write them; what is not here is shown as it is.
const UNITS = {
  Cel: "°C", "[degF]": "°F", deg: "°", Ohm: "Ω", kOhm: "kΩ", um: "µm", "ug/m3": "µg/m³",
  m3: "m³", "m3/h": "m³/h", "l/min": "l/min", uS: "µS", "uS/cm": "µS/cm", us: "µs",
  "m/s2": "m/s²", "[ppm]": "ppm", "[ppb]": "ppb", "[pH]": "pH", "W/m2": "W/m²", By: "B", "By/s": "B/s",
  "kW.h": "kWh", "W.h": "Wh", "1": "",
};

// Why there is no value.
export const REASONS = {
  off: "switched off",
  absent: "does not answer",
  timeout: "answers too late",
  fault: "answers nonsense",
};

export function unit(code) {
  return UNITS[code] ?? code;
}

export function number(value, decimals) {
  if (decimals === null || decimals === undefined) {
    return Number.isInteger(value) ? `${value}` : `${Number(value.toPrecision(6))}`;
  }
  return value.toFixed(decimals);
}

export function text(value, channel) {
  if (value === null || value === undefined) return "unknown";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "number") return number(value, channel?.decimals);
  if (typeof value === "object") {
    return Object.entries(value).map(([name, part]) => `${name} ${number(part)}`).join(", ");
  }
  return value;
}

// A value with its unit; long times as people say them.
export function quantity(value, channel) {
  if (typeof value !== "number") return text(value, channel);
  if (channel.unit === "s" && value >= 120) return duration(value);
  return `${text(value, channel)} ${unit(channel.unit)}`.trimEnd();
}

// A name that may be broken after its underscores and dashes where it is too long for its place.
export function breakable(name) {
  return name.replace(/([_.-])/g, "$1\u200b");
}

// A duration as a person says it: 0.4 → "now", 75 → "1 min 15 s", 90000 → "1 d 1 h".
export function duration(seconds) {
  let left = Math.max(0, Math.round(seconds));
  const parts = [];
  for (const [name, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) parts.push(`${count} ${name}`);
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

export function age(seconds) {
  return seconds < 1.5 ? "now" : `${duration(seconds)} ago`;
}

export function clockTime(timeMs) {
  return new Date(timeMs).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

export function dateTime(timeMs) {
  const when = new Date(timeMs);
  const isToday = when.toDateString() === new Date().toDateString();
  return isToday ? clockTime(timeMs) : `${when.toLocaleDateString()} ${clockTime(timeMs)}`;
}

export function count(value) {
  return value.toLocaleString("en").replaceAll(",", " ");
}

// Make an element: make("p", { class: "quiet" }, "text", child, …).
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

// Set a text only where it changed, so that screen readers and selections are left in peace.
export function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}
