"use strict";
(function () {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const canvas = $("map"), ctx = canvas.getContext("2d");
  const [x0, y0, x1, y1] = data.box, wide = x1 - x0, high = y1 - y0;
  const months = data.periods.length;

  function bytes(text) {
    const raw = atob(text), out = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
    return out;
  }
  const u2 = (text) => new Uint16Array(bytes(text).buffer), u4 = (text) => new Uint32Array(bytes(text).buffer);
  const decode = (code) => (code === 0 ? 0 : Math.pow(10, data.code[0] + ((code - 1) / 65534) * data.code[1]));

  // courses in metres from the lower left corner
  const start = u4(data.start), n = start.length - 1;
  const px = Float64Array.from(u2(data.x), (v) => (v / 65535) * wide);
  const py = Float64Array.from(u2(data.y), (v) => (v / 65535) * high);
  const downstream = bytes(data.downstream), widthClass = bytes(data.width);
  const area = u2(data.area), outlet = u2(data.outlet), meanDischarge = u2(data.discharge_mean);
  // nodes downstream of a site have a row of months; the others one value, the year's largest
  const row = new Int32Array(n).fill(-1);
  let rows = 0;
  for (let i = 0; i < n; i++) if (downstream[i]) row[i] = rows++;
  const unpack = (field) => ({ months: u2(field.months), worst: u2(field.worst) });
  const discharge = unpack(data.discharge), travel = { months: u2(data.travel) };
  const values = {};
  for (const s of data.substances) {
    values[s.name] = {};
    for (const key of Object.keys(data.values[s.name])) values[s.name][key] = unpack(data.values[s.name][key]);
  }

  const state = { substance: 0, threshold: data.headline, month: 0, node: -1, heading: null };
  const view = { fit: 1, scale: 1, x: wide / 2, y: high / 2 }; // pixels per metre, centre

  const monthCode = (field, t, node) => field.months[t * rows + row[node]];
  // month 0 is the worst one, 1.. the periods
  const codeAt = (field, node) => (state.month === 0 || row[node] < 0 ? field.worst[node] : monthCode(field, state.month - 1, node));
  const name = () => data.substances[state.substance].name;
  const limit = () => (state.threshold < 0 ? null : data.thresholds[state.threshold]);
  const codesOf = (threshold) => values[threshold.substance][threshold.fraction === "dissolved" ? "dissolved" : "total"];

  function scaleOf() {
    const threshold = limit();
    if (threshold) return { bounds: data.style.bounds.map((b) => b * threshold.value), colours: data.style.colours, texts: data.style.texts };
    let top = 0;
    const codes = values[name()].total.worst;
    for (let i = 0; i < codes.length; i++) top = Math.max(top, codes[i]);
    const power = Math.ceil(Math.log10(decode(top) || 1));
    const bounds = [], texts = [], colours = ["#e9d53a", "#7ad151", "#22a884", "#2a788e", "#414487", "#440154"];
    for (let k = -5; k < 0; k++) bounds.push(Math.pow(10, power + k));
    texts.push("below " + format(bounds[0]) + " mg/L");
    for (let k = 1; k < 5; k++) texts.push(format(bounds[k - 1]) + " to " + format(bounds[k]) + " mg/L");
    texts.push("above " + format(bounds[4]) + " mg/L");
    return { bounds, colours, texts };
  }
  function format(v) {
    if (!isFinite(v)) return "–";
    if (v === 0) return "0";
    if (v < 1e-4 || v >= 1e7) return v.toExponential(2);
    return Number(v.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
  }

  let paths = [];
  function recolour() {
    const scale = scaleOf(), threshold = limit();
    const codes = threshold ? codesOf(threshold) : values[name()].total;
    const groups = new Map();
    for (let i = 0; i < n; i++) {
      let k = -1;
      if (downstream[i] || !threshold) {
        const v = decode(codeAt(codes, i));
        k = 0;
        while (k < scale.bounds.length && v > scale.bounds[k]) k++;
      }
      const key = (k + 1) * 16 + widthClass[i];
      if (!groups.has(key)) groups.set(key, { colour: k < 0 ? data.style.unaffected : scale.colours[k], width: data.style.widths[widthClass[i]], order: k, path: new Path2D() });
      const path = groups.get(key).path;
      path.moveTo(px[start[i]], py[start[i]]);
      for (let j = start[i] + 1; j < start[i + 1]; j++) path.lineTo(px[j], py[j]);
    }
    paths = Array.from(groups.values()).sort((a, b) => a.order - b.order || a.width - b.width);
    legend(scale, threshold);
    draw();
  }

  function legend(scale, threshold) {
    const list = $("legend");
    list.textContent = "";
    const row = (style, text, kind) => {
      const li = document.createElement("li"), mark = document.createElement("i");
      if (kind) mark.className = kind;
      if (style) mark.style.background = style;
      li.append(mark, document.createTextNode(text));
      list.append(li);
    };
    $("legend-title").textContent = threshold ? "Concentration over threshold" : data.substances[state.substance].label + ", mg/L";
    scale.colours.forEach((colour, k) => row(colour, scale.texts[k]));
    if (threshold) row(data.style.unaffected, "no site upstream");
    row("", "site (size: number of pits)", "site");
    row("", "town, village, plant", "place");
    row("", "within " + format(data.radius / 1609.344) + " miles of a site", "ring");
    if ($("show-zones").checked) {
      ["in the zone only", "in the zone and downstream", "downstream only"].forEach((text, k) => row(data.style.zones[k], text, "box"));
    }
  }

  const toX = (x) => (x - view.x) * view.scale + canvas.clientWidth / 2;
  const toY = (y) => canvas.clientHeight / 2 - (y - view.y) * view.scale;
  const fromX = (sx) => (sx - canvas.clientWidth / 2) / view.scale + view.x;
  const fromY = (sy) => (canvas.clientHeight / 2 - sy) / view.scale + view.y;

  const ground = new Image(), zones = new Image();
  ground.onload = zones.onload = () => draw();
  ground.src = data.background.png;
  zones.src = data.zones.png;
  function picture(image, box) {
    if (!image.complete) return;
    const left = toX(box[0] - x0), top = toY(box[3] - y0);
    ctx.drawImage(image, left, top, toX(box[2] - x0) - left, toY(box[1] - y0) - top);
  }

  let pending = false;
  function draw() {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => { pending = false; paint(); });
  }
  function paint() {
    const ratio = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
    if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
      canvas.width = Math.round(w * ratio);
      canvas.height = Math.round(h * ratio);
    }
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, w, h);
    ctx.imageSmoothingEnabled = true;
    if ($("show-ground").checked) picture(ground, data.background.box);
    else { ctx.fillStyle = "#fff"; ctx.fillRect(toX(0), toY(high), wide * view.scale, high * view.scale); }
    ctx.imageSmoothingEnabled = false;
    if ($("show-zones").checked) picture(zones, data.zones.box);
    if ($("show-circle").checked) circle();
    const factor = Math.min(2.2, Math.max(0.9, Math.sqrt(view.scale / view.fit) * 0.9));
    ctx.setTransform(ratio * view.scale, 0, 0, -ratio * view.scale, ratio * (w / 2 - view.x * view.scale), ratio * (h / 2 + view.y * view.scale));
    ctx.lineCap = ctx.lineJoin = "round";
    for (const halo of [true, false]) {
      for (const group of paths) {
        if (halo && (group.order < 0 || (state.threshold < 0 && group.order < 3))) continue;
        ctx.strokeStyle = halo ? "rgba(255,255,255,0.75)" : group.colour;
        ctx.lineWidth = ((group.width * 1.5 + (halo ? 1.6 : 0.2)) * factor) / view.scale;
        ctx.stroke(group.path);
      }
    }
    if (state.node >= 0) {
      const i = state.node;
      ctx.strokeStyle = "#000";
      ctx.lineWidth = (data.style.widths[widthClass[i]] * 1.5 * factor + 3) / view.scale;
      ctx.globalAlpha = 0.45;
      ctx.beginPath();
      ctx.moveTo(px[start[i]], py[start[i]]);
      for (let j = start[i] + 1; j < start[i + 1]; j++) ctx.lineTo(px[j], py[j]);
      ctx.stroke();
      ctx.globalAlpha = 1;
    }
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    if ($("show-sites").checked) sites(factor);
    markCovered(w, h);
    occupied = ["buttons", "scale"].map((id) => {
      const e = $(id);
      return [e.offsetLeft, e.offsetTop, e.offsetLeft + e.offsetWidth, e.offsetTop + e.offsetHeight];
    });
    if ($("show-places").checked) places();
    inflows();
    if ($("show-rivers").checked) riverNames();
    bar();
  }
  function circle() {
    ctx.strokeStyle = "#1c2126";
    ctx.lineWidth = 1.4;
    ctx.setLineDash([7, 4]);
    ctx.beginPath();
    for (const ring of data.circle) {
      for (let k = 0; k < ring.length; k += 2) {
        const sx = toX(ring[k] - x0), sy = toY(ring[k + 1] - y0);
        if (k === 0) ctx.moveTo(sx, sy); else ctx.lineTo(sx, sy);
      }
      ctx.closePath();
    }
    ctx.stroke();
    ctx.setLineDash([]);
  }
  const siteSize = (pits) => Math.sqrt(2.2 + 0.55 * pits) * 1.3;
  function sites(factor) {
    ctx.fillStyle = "#f7f7f7";
    ctx.strokeStyle = "#1c2126";
    ctx.lineWidth = 0.9;
    for (const site of data.pits) {
      const size = siteSize(site[2]) * factor, sx = toX(site[0] - x0), sy = toY(site[1] - y0);
      ctx.fillRect(sx - size / 2, sy - size / 2, size, size);
      ctx.strokeRect(sx - size / 2, sy - size / 2, size, size);
    }
  }
  // Names keep off coloured rivers. The white rim of a name hides what lies beneath it, and a river that runs straight
  // at a place, as the N'Mai does at Myitsone, would vanish under that place's name over the name's whole length. So
  // squares of CELL pixels that rivers below sites, or sites, cover are marked, and a name goes where it covers fewest.
  const CELL = 5;
  let marked = new Uint8Array(0), across = 0, down = 0;
  function mark(sx, sy) {
    const i = Math.floor(sx / CELL), j = Math.floor(sy / CELL);
    if (i >= 0 && j >= 0 && i < across && j < down) marked[j * across + i] = 1;
  }
  function markCovered(w, h) {
    across = Math.ceil(w / CELL);
    down = Math.ceil(h / CELL);
    marked = new Uint8Array(across * down);
    for (let i = 0; i < n; i++) {
      if (!downstream[i]) continue;
      for (let j = start[i]; j < start[i + 1] - 1; j++) {
        const ax = toX(px[j]), ay = toY(py[j]), bx = toX(px[j + 1]), by = toY(py[j + 1]);
        if (Math.max(ax, bx) < 0 || Math.max(ay, by) < 0 || Math.min(ax, bx) > w || Math.min(ay, by) > h) continue;
        const steps = Math.max(1, Math.ceil(Math.hypot(bx - ax, by - ay) / CELL));
        for (let k = 0; k <= steps; k++) mark(ax + ((bx - ax) * k) / steps, ay + ((by - ay) * k) / steps);
      }
    }
    if ($("show-sites").checked) for (const site of data.pits) mark(toX(site[0] - x0), toY(site[1] - y0));
  }
  function coveredBy(box) {
    let count = 0;
    for (let j = Math.max(0, Math.floor(box[1] / CELL)); j <= Math.min(down - 1, Math.floor(box[3] / CELL)); j++) {
      for (let i = Math.max(0, Math.floor(box[0] / CELL)); i <= Math.min(across - 1, Math.floor(box[2] / CELL)); i++) count += marked[j * across + i];
    }
    return count;
  }
  let occupied = [];
  // Served in order: places, inflows, rivers. A name never lies on one written before it; without room it is left out.
  function label(text, sx, sy, colour, slanted) {
    ctx.font = (slanted ? "italic 500" : "600") + " 12px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif";
    const w = ctx.measureText(text).width;
    const candidates = [[7, 4], [-7 - w, 4], [-w / 2, -9], [-w / 2, 18], [7, -7], [7, 15], [-7 - w, -7], [-7 - w, 15]];
    candidates.push([12, -14], [12, 22], [-12 - w, -14], [-12 - w, 22], [-w / 2, -18], [-w / 2, 27], [18, 4], [-18 - w, 4]);
    let best = null, least = Infinity;
    candidates.forEach(([dx, dy], rank) => {
      const box = [sx + dx - 2, sy + dy - 12, sx + dx + w + 2, sy + dy + 4];
      if (occupied.some((o) => box[0] < o[2] && box[2] > o[0] && box[1] < o[3] && box[3] > o[1])) return;
      const covered = coveredBy(box);
      if (slanted && covered > 4) return; // a river's name waits for more room: it comes when one zooms in
      const cut = box[0] < 0 || box[2] > canvas.clientWidth || box[1] < 0 || box[3] > canvas.clientHeight;
      const cost = rank + 2 * Math.min(12, covered) + (cut ? 20 : 0);
      if (cost < least) { least = cost; best = [dx, dy, box]; }
    });
    if (best === null) return;
    const [dx, dy, box] = best;
    occupied.push(box);
    ctx.lineWidth = 3.5;
    ctx.strokeStyle = "rgba(255,255,255,0.9)";
    ctx.strokeText(text, sx + dx, sy + dy);
    ctx.fillStyle = colour;
    ctx.fillText(text, sx + dx, sy + dy);
  }
  function riverNames() {
    for (const [x, y, text] of data.rivers) label(text, toX(x - x0), toY(y - y0), data.style.river, true);
  }
  function places() {
    for (const p of data.receptors) if (p.x !== null) occupied.push([toX(p.x - x0) - 4, toY(p.y - y0) - 4, toX(p.x - x0) + 4, toY(p.y - y0) + 4]);
    for (const p of data.receptors) {
      if (p.x === null) continue;
      const sx = toX(p.x - x0), sy = toY(p.y - y0);
      ctx.beginPath();
      ctx.arc(sx, sy, 4.5, 0, 7);
      ctx.fillStyle = "#1c2126";
      ctx.fill();
      ctx.lineWidth = 1.5;
      ctx.strokeStyle = "#fff";
      ctx.stroke();
    }
    for (const p of data.receptors) if (p.x !== null) label(p.name, toX(p.x - x0), toY(p.y - y0), "#1c2126");
  }
  function inflows() {
    for (const key of Object.keys(data.inflows)) {
      const j = start[Number(key)], sx = toX(px[j]), sy = toY(py[j]);
      ctx.fillStyle = "#0b3d78";
      ctx.beginPath();
      ctx.moveTo(sx, sy + 7);
      ctx.lineTo(sx - 6, sy - 6);
      ctx.lineTo(sx + 6, sy - 6);
      ctx.fill();
      label("inflow: " + data.inflows[key], sx, sy, "#0b3d78");
    }
  }
  function bar() {
    const raw = 140 / view.scale, power = Math.pow(10, Math.floor(Math.log10(raw)));
    const length = [5, 2, 1].find((s) => s * power <= raw) * power;
    $("scale-bar").style.width = length * view.scale + "px";
    $("scale-text").textContent = length >= 1000 ? length / 1000 + " km" : length + " m";
  }

  function degrees(x, y) {
    const size = data.degrees.size, u = (x / wide) * (size - 1), v = (y / high) * (size - 1);
    if (!(u >= 0 && v >= 0 && u <= size - 1 && v <= size - 1)) return null;
    const i = Math.min(size - 2, Math.floor(u)), j = Math.min(size - 2, Math.floor(v)), a = u - i, b = v - j;
    const mix = (g) => (1 - b) * ((1 - a) * g[j * size + i] + a * g[j * size + i + 1]) + b * ((1 - a) * g[(j + 1) * size + i] + a * g[(j + 1) * size + i + 1]);
    return [mix(data.degrees.lon), mix(data.degrees.lat)];
  }
  const degreeText = (d) => Math.abs(d[1]).toFixed(4) + "° " + (d[1] < 0 ? "S" : "N") + ", " + Math.abs(d[0]).toFixed(4) + "° " + (d[0] < 0 ? "W" : "E");

  function nearestNode(x, y, reach) {
    let best = reach * reach, found = -1;
    for (let i = 0; i < n; i++) {
      for (let j = start[i]; j < start[i + 1] - 1; j++) {
        const dx = px[j + 1] - px[j], dy = py[j + 1] - py[j], l = dx * dx + dy * dy;
        const t = l > 0 ? Math.max(0, Math.min(1, ((x - px[j]) * dx + (y - py[j]) * dy) / l)) : 0;
        const ex = x - px[j] - t * dx, ey = y - py[j] - t * dy, d = ex * ex + ey * ey;
        if (d < best) { best = d; found = i; }
      }
    }
    return found;
  }
  function element(tag, text, kind) {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    if (kind) e.className = kind;
    return e;
  }
  function select(node, heading, note) {
    state.node = node;
    state.heading = [heading, note];
    details();
    draw();
  }
  function details() {
    const box = $("details"), node = state.node;
    box.textContent = "";
    const [heading, note] = state.heading || ["", ""];
    box.append(element("h2", heading));
    if (note) box.append(element("p", note, "small"));
    if (node < 0) return;
    const known = row[node] >= 0, now = state.month - 1;
    const when = state.month === 0 || !known ? (months > 1 ? "worst month" : data.periods[0]) : data.periods[now];
    const water = !known ? format(decode(meanDischarge[node])) + " m³/s on average" : (state.month === 0 ? range(discharge, node) : format(decode(monthCode(discharge, now, node)))) + " m³/s";
    const facts = ["discharge " + water, "drains " + format(decode(area[node])) + " km²", format(decode(outlet[node])) + " km to the outlet"];
    if (known) {
      const hours = state.month === 0 ? range(travel, node) : format(decode(monthCode(travel, now, node)));
      facts.push("water needs " + hours + " h from the nearest site");
    } else facts.push("no site upstream, so background only");
    box.append(element("p", facts.join("; ") + ".", "small"));
    const table = element("table"), head = element("tr");
    head.append(element("th", when), element("th", "mg/L", "n"), element("th", "from pits", "n"));
    table.append(head);
    for (const s of data.substances) {
      const tr = element("tr");
      tr.append(element("td", s.label), element("td", format(decode(codeAt(values[s.name].total, node))), "n"), element("td", format(decode(codeAt(values[s.name].pits, node))), "n"));
      table.append(tr);
    }
    box.append(table);
    const second = element("table"), top = element("tr");
    top.append(element("th", "threshold"), element("th", "times", "n"));
    second.append(top);
    for (const threshold of data.thresholds) {
      const q = decode(codeAt(codesOf(threshold), node)) / threshold.value, tr = element("tr", undefined, q > 1 ? "over" : "");
      const label = data.substances.find((s) => s.name === threshold.substance).label;
      tr.append(element("td", label + ": " + threshold.text), element("td", format(q), "n"));
      second.append(tr);
    }
    box.append(element("p", "Concentration over threshold (shaded: above it)", "small"), second);
    if (months > 1 && known) bars(box, node);
  }
  function range(field, node) {
    let low = 65535, top = 0;
    for (let t = 0; t < months; t++) { low = Math.min(low, monthCode(field, t, node)); top = Math.max(top, monthCode(field, t, node)); }
    const a = format(decode(low)), b = format(decode(top));
    return a === b ? a : a + " to " + b;
  }
  function bars(box, node) {
    const field = values[name()].total, top = decode(field.worst[node]) || 1;
    box.append(element("p", data.substances[state.substance].label + " by month, at most " + format(top) + " mg/L", "small"));
    const chart = element("div", undefined, "bars"), ticks = element("div", undefined, "ticks");
    for (let t = 0; t < months; t++) {
      const v = decode(monthCode(field, t, node)), column = element("div", undefined, t === state.month - 1 ? "now" : "");
      column.style.height = (100 * v) / top + "%";
      column.title = data.periods[t] + ": " + format(v) + " mg/L";
      chart.append(column);
      ticks.append(element("span", data.periods[t].slice(0, 1)));
    }
    box.append(chart, ticks);
  }

  function pick(sx, sy) {
    const x = fromX(sx), y = fromY(sy);
    for (const p of data.receptors) {
      if (p.x !== null && Math.hypot(toX(p.x - x0) - sx, toY(p.y - y0) - sy) < 9) return choosePlace(p);
    }
    if ($("show-sites").checked) {
      for (const s of data.pits) {
        if (Math.hypot(toX(s[0] - x0) - sx, toY(s[1] - y0) - sy) < 6) {
          const where = s[5] < 0 ? "Its water leaves the map before it meets a river." : "Values: where its water enters the river.";
          return select(s[5], s[3], format(s[2]) + " pit(s)" + (s[4] ? ", first seen " + s[4] : "") + ". " + where);
        }
      }
    }
    const node = nearestNode(x, y, 10 / view.scale);
    if (node < 0) return;
    const d = degrees(px[start[node]], py[start[node]]);
    select(node, data.names[node] || "River segment " + (node + 1), d ? degreeText(d) + " (upstream end)" : "");
  }
  function choosePlace(p) {
    const far = p.distance === null ? "" : ", " + format(p.distance / 1000) + " km from the river";
    select(p.node, p.name, p.node < 0 ? p.kind + ": " + p.status : p.kind + far + ". Values: larger of both ends of the river segment that starts there.");
  }

  let touched = false; // until someone moves the map, it follows the window's size
  function fit() {
    view.fit = Math.min(canvas.clientWidth / wide, canvas.clientHeight / high) * 0.97;
    view.scale = view.fit;
    view.x = wide / 2;
    view.y = high / 2;
    draw();
  }
  function zoom(factor, sx, sy) {
    const x = fromX(sx), y = fromY(sy);
    touched = true;
    view.scale = Math.min(view.fit * 80, Math.max(view.fit * 0.7, view.scale * factor));
    view.x = x - (sx - canvas.clientWidth / 2) / view.scale;
    view.y = y + (sy - canvas.clientHeight / 2) / view.scale;
    draw();
  }

  const pointers = new Map();
  let moved = 0;
  canvas.addEventListener("pointerdown", (e) => { canvas.setPointerCapture(e.pointerId); pointers.set(e.pointerId, [e.offsetX, e.offsetY]); moved = 0; });
  canvas.addEventListener("pointermove", (e) => {
    const d = degrees(fromX(e.offsetX), fromY(e.offsetY));
    $("place").textContent = d ? degreeText(d) : "";
    const last = pointers.get(e.pointerId);
    if (!last) return;
    if (pointers.size === 2) {
      const other = Array.from(pointers.entries()).find(([id]) => id !== e.pointerId)[1];
      const before = Math.hypot(last[0] - other[0], last[1] - other[1]), now = Math.hypot(e.offsetX - other[0], e.offsetY - other[1]);
      if (before > 0) zoom(now / before, (e.offsetX + other[0]) / 2, (e.offsetY + other[1]) / 2);
      moved = 99;
    } else {
      touched = true;
      view.x -= (e.offsetX - last[0]) / view.scale;
      view.y += (e.offsetY - last[1]) / view.scale;
      moved += Math.abs(e.offsetX - last[0]) + Math.abs(e.offsetY - last[1]);
    }
    pointers.set(e.pointerId, [e.offsetX, e.offsetY]);
    draw();
  });
  canvas.addEventListener("pointerup", (e) => { pointers.delete(e.pointerId); if (moved < 5) pick(e.offsetX, e.offsetY); });
  canvas.addEventListener("pointercancel", (e) => pointers.delete(e.pointerId));
  canvas.addEventListener("wheel", (e) => { e.preventDefault(); zoom(Math.exp(-e.deltaY * 0.0015), e.offsetX, e.offsetY); }, { passive: false });
  canvas.addEventListener("keydown", (e) => {
    const step = 60 / view.scale, moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (moves[e.key]) { touched = true; view.x += moves[e.key][0]; view.y += moves[e.key][1]; draw(); e.preventDefault(); }
    else if (e.key === "+" || e.key === "=") zoom(1.4, canvas.clientWidth / 2, canvas.clientHeight / 2);
    else if (e.key === "-") zoom(1 / 1.4, canvas.clientWidth / 2, canvas.clientHeight / 2);
  });
  $("in").onclick = () => zoom(1.5, canvas.clientWidth / 2, canvas.clientHeight / 2);
  $("out").onclick = () => zoom(1 / 1.5, canvas.clientWidth / 2, canvas.clientHeight / 2);
  $("all").onclick = () => { touched = false; fit(); };

  data.substances.forEach((s, k) => $("substance").append(new Option(s.label, k)));
  function thresholdList() {
    const list = $("threshold");
    list.textContent = "";
    data.thresholds.forEach((t, k) => { if (t.substance === name()) list.append(new Option(t.text + (t.fraction === "dissolved" ? " (dissolved)" : ""), k)); });
    list.append(new Option("no threshold: show concentration", -1));
    if (state.threshold < 0 || data.thresholds[state.threshold].substance !== name()) state.threshold = Number(list.options[0].value);
    list.value = state.threshold;
    source();
  }
  function source() { const t = limit(); $("threshold-source").textContent = t ? "Source: " + t.source : ""; }
  $("substance").onchange = () => { state.substance = Number($("substance").value); thresholdList(); recolour(); details(); };
  $("threshold").onchange = () => { state.threshold = Number($("threshold").value); source(); recolour(); };
  $("month").max = months > 1 ? months : 0;
  $("month").disabled = months === 1;
  $("month").oninput = () => { state.month = Number($("month").value); monthName(); recolour(); details(); };
  function monthName() {
    const words = state.month === 0 ? (months > 1 ? "worst of the year" : data.periods[0]) : data.periods[state.month - 1];
    $("month-name").textContent = words;
    $("month").setAttribute("aria-valuetext", words);
  }
  $("goto").onchange = () => {
    const p = data.receptors[Number($("goto").value)];
    if ($("goto").value === "" || !p || p.x === null) return;
    touched = true;
    view.scale = Math.max(view.scale, view.fit * 6);
    view.x = p.x - x0;
    view.y = p.y - y0;
    choosePlace(p);
  };
  for (const id of ["show-ground", "show-sites", "show-circle", "show-zones", "show-places", "show-rivers"]) $(id).onchange = () => { legend(scaleOf(), limit()); draw(); };
  $("foot").textContent = "Terrain: " + data.terrain + ". Projection: " + data.crs + ". Values are those of the run to 0.1 percent; rivers without a site upstream show the year's largest value in every month.";
  if (data.thresholds.length) state.substance = data.substances.findIndex((s) => s.name === data.thresholds[state.threshold].substance);
  else state.threshold = -1;
  $("substance").value = state.substance;
  thresholdList();
  monthName();
  state.heading = null;
  // painted at once, not in the next frame, or the browser would first stretch the old picture to the new size
  new ResizeObserver(() => {
    if (canvas.clientWidth === 0) return;
    if (!touched) fit();
    paint();
  }).observe(canvas);
  recolour();
}());
