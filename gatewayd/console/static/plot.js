// A channel's short history as SVG: time to the right, gaps where there was no value.

const SVG = "http://www.w3.org/2000/svg";

function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function asNumber(value) {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" ? value : null;
}

// Draw readings ({time_ms, value}, the oldest first) into an <svg>, replacing what it shows.
// Returns {low, high, from_ms, to_ms}, or null where there is nothing to draw.
export function plot(svg, readings, width, height) {
  const points = readings.map((each) => [each.time_ms, asNumber(each.value)]);
  const values = points.map(([, value]) => value).filter((value) => value !== null);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.replaceChildren();
  if (values.length < 2) return null;
  const isSwitch = readings.some((each) => typeof each.value === "boolean");
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [fromMs, toMs] = [points[0][0], points[points.length - 1][0]];
  const room = high - low || Math.abs(high) * 0.01 || 1;
  const middle = high === low && !isSwitch ? 0.5 : 0;
  const x = (timeMs) => ((timeMs - fromMs) / (toMs - fromMs || 1)) * (width - 4) + 2;
  const share = (value) => (isSwitch ? value : (value - low) / room + middle);
  const y = (value) => height - 3 - share(value) * (height - 6);
  let path = "";
  let last = null;
  for (const [timeMs, value] of points) {
    if (value === null) {
      // The value stood until the reading that says it is gone.
      if (last !== null && isSwitch) path += `H${x(timeMs).toFixed(1)}`;
      last = null;
      continue;
    }
    const at = `${x(timeMs).toFixed(1)}`;
    if (last === null) path += `M${at} ${y(value).toFixed(1)}h.01`;
    else if (isSwitch) path += `H${at}V${y(value).toFixed(1)}`;
    else path += `L${at} ${y(value).toFixed(1)}`;
    last = value;
  }
  svg.append(draw("path", { class: "line", d: path, "vector-effect": "non-scaling-stroke" }));
  return { low, high, fromMs, toMs };
}
