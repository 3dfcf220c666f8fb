"use strict";
// The page of the report. Everything is drawn from two packed elements: a document (JSON), and numbers of three digits.
// Texts are put in as text nodes only. A view is drawn when it is opened, a chart when its host is.
(async () => {
  const $ = (id) => document.getElementById(id);

  // ---------------------------------------------------------------------------------------------------- elements
  const fill = (element, attributes, children) => {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === false || value === null || value === undefined) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "style") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
      else element.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat(3)) {
      if (child !== null && child !== undefined && child !== false) element.append(child);
    }
    return element;
  };
  const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
  const hidden = (text) => h("span", { class: "hidden" }, text);
  const table = (caption, columns, rows, attributes) => {
    // A column is a text, or [text, class]; a cell is a text, an element or null.
    const named = columns.map((column) => (Array.isArray(column) ? column : [column, ""]));
    const head = h("tr", null, named.map(([text, kind]) => h("th", { scope: "col", class: kind }, text)));
    const body = rows.map((cells) => h("tr", null, cells.map((cell, i) =>
      i ? h("td", { class: named[i][1] }, cell ?? "–") : h("th", { scope: "row", class: named[i][1] }, cell ?? "–"))));
    return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      h("table", attributes, h("caption", { class: "hidden" }, caption), h("thead", null, head), h("tbody", null, body)));
  };
  const growing = (rows, step, draw) => {
    // A list whose next rows are drawn on demand, so that the page stays small.
    const list = h("div", { class: "growing" });
    const more = h("button", { type: "button" });
    let shown = 0;
    const grow = () => {
      const first = draw(rows.slice(shown, shown + step), shown);
      list.append(first);
      shown = Math.min(shown + step, rows.length);
      more.hidden = shown >= rows.length;
      more.textContent = `Show ${Math.min(step, rows.length - shown)} more of ${count(rows.length)}`;
    };
    more.addEventListener("click", grow);
    grow();
    return [list, more];
  };

  // ----------------------------------------------------------------------------------------------------- numbers
  const count = (number) => Number(number).toLocaleString("en-US");
  const digits = (value) => {
    // As the sentences of the findings: three digits, whole numbers in full.
    if (Number.isInteger(value)) return String(value);
    return String(Number(value.toPrecision(3)));
  };
  const amount = (value, unit) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (unit !== "bytes") return Math.abs(value) >= 1000 ? count(Number(value.toPrecision(3))) : digits(value);
    const names = ["B", "kB", "MB", "GB", "TB", "PB"];
    let power = value > 0 ? Math.floor(Math.log10(value) / 3 + 1e-12) : 0;
    power = Math.max(0, Math.min(power, names.length - 1));
    return `${digits(Number((value / 1000 ** power).toPrecision(3)))} ${names[power]}`;
  };
  const seconds = (value) => {
    if (value === null || value === undefined) return "–";
    if (value < 60) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
    if (value < 3600) return `${Math.floor(value / 60)} min ${String(Math.round(value % 60)).padStart(2, "0")} s`;
    if (value < 172800) return `${Math.floor(value / 3600)} h ${String(Math.floor((value % 3600) / 60)).padStart(2, "0")} min`;
    return `${Math.round(value / 86400)} days`;
  };
  const share = (value) => `${value >= 0.9995 ? 100 : Number((100 * value).toPrecision(3))} %`;
  const iso = (at) => new Date(1000 * at).toISOString();
  const day = (at) => iso(at).slice(0, 10);
  const minute = (at) => `${iso(at).slice(0, 10)} ${iso(at).slice(11, 16)}`;
  const second = (at) => `${iso(at).slice(0, 10)} ${iso(at).slice(11, 19)}`;
  const time = (at) => { const text = iso(at).slice(11, 16); return text === "00:00" ? "24:00" : text; };
  const median = (values) => quantile(values, 0.5);
  const quantile = (values, q) => {
    if (!values.length) return null;
    const sorted = [...values].sort((a, b) => a - b);
    const rank = (sorted.length - 1) * q;
    const low = Math.floor(rank);
    return sorted[low] + (rank - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
  };
  const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many || `${one}s`}`;

  // -------------------------------------------------------------------------------------------------------- data
  const unpacked = async (id) => {
    const bytes = Uint8Array.from(atob($(id).textContent), (each) => each.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  };
  if (typeof DecompressionStream === "undefined") {
    $("main").replaceChildren(h("p", null, "This report needs a browser of 2023 or newer, such as Firefox 113, Chrome 80 or Safari 16.4."));
    return;
  }
  const report = JSON.parse(new TextDecoder().decode(await unpacked("document")));
  const hosts = report.hosts;
  const SLOTS = 96;
  const byAddress = new Map((hosts ? hosts.hosts : []).map((row, place) => [row[0], place]));
  const slotEnd = (slot) => hosts.day[0] + 900 * (slot + 1);
  const value = (code) => {
    if (code === 0xffff) return null;
    if (code === 0) return 0;
    const exponent = Math.floor((code - 1) / 900) - 6;
    return Number(`${((code - 1) % 900) + 100}e${exponent - 2}`);
  };
  const everyOf = (place) => (place < hosts.dense ? 1 : hosts.every);
  let codes = null;
  let offsets = null;
  const numbers = async () => {
    if (codes) return;
    const bytes = new Uint8Array(await unpacked("codes")); // the low bytes of all, then the high ones
    const length = bytes.length / 2;
    const all = Uint16Array.from({ length }, (_, at) => bytes[at] + 256 * bytes[length + at]);
    const each = hosts.bands.length * hosts.horizons.length * hosts.statistics.length;
    let at = 0;
    offsets = { hosts: [], segments: [] };
    hosts.hosts.forEach((row, place) => {
      offsets.hosts.push(at);
      at += (row[4] ? SLOTS : 0) + row[3].length * (SLOTS / everyOf(place) + each);
    });
    for (const [, drawn] of hosts.segments) {
      offsets.segments.push(at);
      at += drawn.length * each;
    }
    codes = all;
  };
  const baselineAt = (at) => {
    // By horizon and statistic, the value of each slot: that of the slot's time band.
    const [horizons, statistics] = [hosts.horizons.length, hosts.statistics.length];
    const read = (horizon, statistic) => hosts.band_of_slot.map((band) =>
      value(codes[at + (band * horizons + horizon) * statistics + statistic]));
    return hosts.horizons.map((_, horizon) => hosts.statistics.map((__, statistic) => read(horizon, statistic)));
  };
  const scoresOf = (place) => {
    const at = offsets.hosts[place];
    return Array.from({ length: SLOTS }, (_, slot) => value(codes[at + slot]));
  };
  const seriesOf = (place, series) => {
    // The values of a host, its baselines and those of its segment.
    const row = hosts.hosts[place];
    const each = hosts.bands.length * hosts.horizons.length * hosts.statistics.length;
    const every = everyOf(place);
    const at = offsets.hosts[place] + (row[4] ? SLOTS : 0) + row[3].indexOf(series) * (SLOTS / every + each);
    const drawn = hosts.segments[row[2]][1];
    const inSegment = drawn.indexOf(series);
    return {
      every,
      values: Array.from({ length: SLOTS }, (_, slot) => ((slot + 1) % every ? null : value(codes[at + (slot + 1) / every - 1]))),
      own: baselineAt(at + SLOTS / every),
      segment: inSegment < 0 ? null : baselineAt(offsets.segments[row[2]] + inSegment * each),
    };
  };
  const seriesName = (number) => { const [metric, role, window] = hosts.series[number]; return `${metric} (${role}, ${window})`; };

  // ------------------------------------------------------------------------------------------------------- parts
  const hostLink = (address, series) =>
    byAddress.has(address)
      ? h("a", { href: `#host/${encodeURIComponent(address)}${series === undefined ? "" : `/${series}`}` }, address)
      : document.createTextNode(address);
  const hostName = (row) => [row[1] && h("span", { class: "name" }, row[1]), h("span", { class: "quiet" }, hosts.segments[row[2]][0])];
  const badge = (text, kind) => h("span", { class: `badge ${kind || ""}` }, text);
  const tile = (label, figure, note) =>
    h("div", { class: "tile" }, h("dt", null, label), h("dd", null, h("strong", null, figure), note && h("span", { class: "quiet" }, note)));
  const meter = (part, kind) =>
    h("span", { class: `meter ${kind || ""}`, "aria-hidden": "true" }, h("span", { style: { width: `${Math.max(100 * part, part ? 2 : 0)}%` } }));
  const sentenceOf = (scored, place) => {
    // The clauses of a sentence are its reasons, in the same order; each opens the chart of its metric.
    const [score, , , , sentence, reasons] = scored;
    const clauses = sentence.replace(/\.$/, "").split("; ");
    if (clauses.length !== reasons.length) return h("p", { class: "sentence" }, sentence);
    return h("ol", { class: "reasons" }, clauses.map((clause, number) => {
      const [metric, role, window, , , , , , part] = reasons[number];
      const series = hosts.series.findIndex(([m, r, w]) => m === metric.replace(/^missing_/, "") && r === role && w === window);
      const drawn = series >= 0 && hosts.hosts[place][3].includes(series);
      const found = /^(\S+ \([^)]*\))(.*)$/.exec(clause);
      const name = found ? found[1] : clause;
      return h("li", null,
        h("span", { class: "part", title: "its part of the score" }, `+${part.toFixed(1)}`), hidden(` of ${score.toFixed(1)} points: `),
        drawn ? h("a", { href: `#host/${encodeURIComponent(hosts.hosts[place][0])}/${series}` }, name) : h("span", null, name),
        found && found[2]);
    }));
  };
  const sparkline = (scores, top) => {
    const [width, height] = [96, 30];
    const bars = scores.map((score, slot) => (score ? `M${slot + 0.5} ${height}V${(height - Math.max(1, (score / top) * height)).toFixed(1)}` : "")).join("");
    return svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("path", { class: "ground", d: `M0 ${height - 0.5}H${width}` }), svg("path", { class: "bars", d: bars }));
  };
  const pairsTable = (caption, rows, withSource) =>
    table(caption,
      [...(withSource ? ["source"] : []), "destination", ["port", "right"], "kind", ["score", "right"], ["flows", "right"], ["bytes", "right"],
        ["active days", "right"], ["hosts that contact it", "right"], ["regularity", "right"]],
      rows.map(([source, destination, port, , score, sessions, bytes, flags, days, prevalence, regularity, , isFinding]) => [
        ...(withSource ? [h("span", { class: "twofold" }, hostLink(source), nameOf(source))] : []),
        destination, port, [isFinding ? badge("finding", "bad") : null, ...flags.split(" ").filter(Boolean).map((flag) => badge(flag.replace("_", " "), flag))],
        score.toFixed(2), count(sessions), amount(bytes, "bytes"), days, prevalence === null ? null : share(prevalence), regularity.toFixed(2),
      ]));
  const nameOf = (address) => {
    const place = byAddress.get(address);
    return place === undefined ? null : h("span", { class: "quiet" }, hosts.hosts[place][1] || hosts.segments[hosts.hosts[place][2]][0]);
  };

  // ---------------------------------------------------------------------------------------------------- findings
  const findings = async () => {
    if (!hosts) return [heading("Findings"), h("p", null, "No features are published, so there is nothing to rank.")];
    if (!hosts.is_scored)
      return [heading("Findings"), h("p", null, "Nothing is scored yet: the project has no fg_c_builder JobSpec, or no batch was built since it was put. The hosts are listed without scores."), everyHost()];
    await numbers();
    const ranked = hosts.hosts.map((row, place) => [row, place]).filter(([row]) => row[4] && row[4][0] > 0);
    const top = ranked.length ? ranked[0][0][4][0] : 1;
    const card = ([row, place], rank) => {
      const [score, slot, p] = row[4];
      return h("li", { class: "card" },
        h("div", { class: "rank", "aria-hidden": "true" }, rank + 1),
        h("div", { class: "who" },
          h("h3", null, hostLink(row[0]), " ", hostName(row), row[4][7] ? [" ", badge("finding", "bad")] : null),
          h("p", { class: "quiet" }, `until ${time(slotEnd(slot))}`, p === null ? null : `, p = ${digits(p)}`, row[4][6].length ? [", ", badge("silent", "silent")] : null)),
        h("div", { class: "score" }, h("strong", null, score.toFixed(1)), hidden(" points"), meter(score / top)),
        h("div", { class: "why" }, sentenceOf(row[4], place)),
        h("div", { class: "when" }, sparkline(scoresOf(place), top), h("span", { class: "quiet" }, "over the day")));
    };
    const pairs = hosts.pairs.filter((row) => row[4] >= 0.005);
    const list = h("div");
    const draw = (text) => {
      const asked = text.trim().toLowerCase();
      const fits = ([row]) => !asked || [row[0], row[1] || "", hosts.segments[row[2]][0], row[4][4]].some((each) => each.toLowerCase().includes(asked));
      const found = ranked.filter(fits);
      status.textContent = asked ? `${plural(found.length, "host")} of ${count(ranked.length)} match.` : "";
      const rankOf = new Map(ranked.map(([, place], rank) => [place, rank]));
      list.replaceChildren(...(found.length ? growing(found, 10, (rows) => h("ol", { class: "cards" }, rows.map((each) => card(each, rankOf.get(each[1]))))) : [h("p", null, "No host matches.")]));
    };
    const status = h("p", { class: "quiet", role: "status" });
    const search = h("input", { id: "filter", type: "search", autocomplete: "off", placeholder: "address, name, segment or metric", oninput: (event) => draw(event.target.value) });
    draw("");
    const judged = Object.keys(hosts.baselines);
    return [
      heading("Findings"),
      h("p", { class: "lead" }, `${plural(hosts.hosts_scored, "host")} and ${plural(hosts.pairs_scored, "pair")} were scored from ${minute(hosts.day[0])} to ${minute(hosts.day[1])} UTC`,
        judged.length ? `, against the baselines of ${judged.join(" and ")}. ` : ". No baseline was valid. ", "A score of 0 is usual. ",
        `${plural(hosts.findings[0], "host")} and ${plural(hosts.findings[1], "pair")} are findings: they pass the thresholds of the JobSpec.`),
      h("section", { "aria-labelledby": "hosts" },
        h("div", { class: "bar" }, h("h2", { id: "hosts" }, `Hosts that deviate `, h("span", { class: "quiet" }, count(ranked.length))),
          h("label", { for: "filter" }, "Filter"), search),
        status, ranked.length ? list : h("p", null, "No host deviates from its baselines.")),
      h("section", { "aria-labelledby": "pairs" },
        h("h2", { id: "pairs" }, "Pairs that deserve a look ", h("span", { class: "quiet" }, count(pairs.length))),
        pairs.length
          ? [h("ol", { class: "sentences" }, pairs.slice(0, 10).map((row) => h("li", null, h("span", { class: "part" }, row[4].toFixed(2)), " ", pairSentence(row)))),
            lazily("The pairs as a table", () => h("div", null, growing(pairs, 25, (rows) => pairsTable("Pairs by score", rows, true))))]
          : h("p", null, "No pair is new, rare or regular with a score.")),
      hosts.suppressed.length > 0 && h("section", { "aria-labelledby": "suppressed" }, h("h2", { id: "suppressed" }, "Suppressed ", h("span", { class: "quiet" }, count(hosts.suppressed.reduce((sum, each) => sum + each[4], 0)))),
        table("Active suppressions", ["suppression", "owner", "why", "expires", ["findings removed", "right"]], hosts.suppressed.map(([name, owner, why, expires, removed]) => [name, owner, why, minute(expires), count(removed)]))),
      everyHost(),
    ];
  };
  const pairSentence = (row) => {
    const sentence = row[11] || `${row[0]} to ${row[1]} port ${row[2]}`;
    return sentence.startsWith(row[0]) ? [hostLink(row[0]), sentence.slice(row[0].length)] : sentence;
  };
  const everyHost = () => {
    const rows = hosts.hosts;
    const list = h("div");
    const draw = (text) => {
      const asked = text.trim().toLowerCase();
      const found = rows.filter((row) => !asked || [row[0], row[1] || "", hosts.segments[row[2]][0]].some((each) => each.toLowerCase().includes(asked)));
      list.replaceChildren(...growing(found, 25, (part) => table("All hosts", ["host", "machine", "segment", ["score", "right"], ["until", "right"], "judged by"],
        part.map((row) => [hostLink(row[0]), row[1], hosts.segments[row[2]][0], row[4] ? row[4][0].toFixed(1) : null, row[4] ? time(slotEnd(row[4][1])) : null, row[4] ? row[4][3] : null]))));
    };
    draw("");
    return h("section", { "aria-labelledby": "all" },
      h("div", { class: "bar" }, h("h2", { id: "all" }, "All hosts ", h("span", { class: "quiet" }, count(rows.length))),
        h("label", { for: "find" }, "Find"), h("input", { id: "find", type: "search", autocomplete: "off", placeholder: "address, name or segment", oninput: (event) => draw(event.target.value) })),
      hosts.hosts_seen > rows.length && h("p", { class: "quiet" }, `${count(hosts.hosts_seen - rows.length)} hosts with smaller scores have no page.`),
      list);
  };

  // -------------------------------------------------------------------------------------------------------- host
  let chart = null;
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const host = async (address, wanted) => {
    const place = byAddress.get(address);
    if (place === undefined) return [heading("Unknown host"), h("p", null, `This report has no page of ${address}. `, h("a", { href: "#findings" }, "All findings"))];
    await numbers();
    const row = hosts.hosts[place];
    const scored = row[4];
    const reason = scored && scored[5].map(([metric, role, window]) =>
      hosts.series.findIndex(([m, r, w]) => m === metric.replace(/^missing_/, "") && r === role && w === window)).find((each) => row[3].includes(each));
    const standard = hosts.series.findIndex(([metric, role, window]) => metric === "sessions_cnt" && role === "outbound" && window === "1h");
    const first = [Number(wanted ?? NaN), reason, standard, row[3][0]].find((each) => row[3].includes(each));
    const neighbour = (step) => hosts.hosts[place + step] && hosts.hosts[place + step][4] && hosts.hosts[place + step][0];
    const pairs = hosts.pairs.filter((each) => each[0] === address);
    return [
      h("nav", { class: "crumbs", "aria-label": "Hosts by score" }, h("a", { href: "#findings" }, "← All findings"),
        neighbour(-1) && h("a", { href: `#host/${encodeURIComponent(neighbour(-1))}` }, "Host above"),
        neighbour(1) && h("a", { href: `#host/${encodeURIComponent(neighbour(1))}` }, "Host below")),
      heading(address, row[1] && h("span", { class: "name" }, row[1])),
      h("dl", { class: "tiles" }, tile("segment", hosts.segments[row[2]][0]),
        scored ? [tile("score", scored[0].toFixed(1), `at ${time(slotEnd(scored[1]))}, place ${place + 1} of ${count(hosts.hosts_scored)}`),
          tile("p value", scored[2] === null ? "–" : digits(scored[2]), scored[2] === null ? "too few earlier scores" : "of the calibration days"),
          tile("judged by", scored[3] === "none" ? "no baseline" : `its ${scored[3] === "host" ? "own" : scored[3]} baseline`)] : tile("score", "–", "not scored")),
      scored && h("section", { "aria-labelledby": "why" }, h("h2", { id: "why" }, "Why"), sentenceOf(scored, place), silence(scored[6])),
      h("section", { "aria-labelledby": "present" }, h("h2", { id: "present" }, "Present and usual"),
        first === undefined ? h("p", null, "The host had no session in the day, and has no baseline.") : drawing(place, first)),
      scored && h("section", { "aria-labelledby": "over" }, h("h2", { id: "over" }, "Score over the day"), scoreStrip(place)),
      h("section", { "aria-labelledby": "pairs" }, h("h2", { id: "pairs" }, "New, rare and regular pairs ", h("span", { class: "quiet" }, count(pairs.length))),
        pairs.length ? [pairs[0][11] && h("p", null, pairs[0][11]), pairsTable(`Pairs of ${address}`, pairs, false)] : h("p", null, "None of its pairs is new, rare or regular.")),
    ];
  };
  const silence = (runs) => runs.length > 0 && h("p", { class: "note silent" }, badge("silent", "silent"),
    ` No session in the hour that ended at ${runs.map(([first, last]) => (first === last ? time(slotEnd(first)) : `${time(slotEnd(first))} to ${time(slotEnd(last))}`)).join(", ")}, where the host is usually active.`);
  const scoreStrip = (place) => {
    const scores = scoresOf(place);
    const top = Math.max(1, ...scores.map((score) => score || 0));
    const best = scores.indexOf(Math.max(...scores.map((score) => score || 0)));
    const hours = Array.from({ length: 24 }, (_, hour) => [`${String(hour).padStart(2, "0")}:00 to ${String(hour + 1).padStart(2, "0")}:00`, Math.max(...scores.slice(4 * hour, 4 * hour + 4).map((score) => score || 0)).toFixed(1)]);
    return [h("figure", { role: "img", "aria-label": `Largest score ${(scores[best] || 0).toFixed(1)} at ${time(slotEnd(best))}` }, sparkline(scores, top),
      h("div", { class: "hours", "aria-hidden": "true" }, [0, 6, 12, 18, 24].map((hour) => h("span", null, `${String(hour).padStart(2, "0")}:00`)))),
    lazily("The scores as a table", () => table("Largest score of each hour", ["hour", ["score", "right"]], hours))];
  };
  const lazily = (title, draw) => {
    const details = h("details", null, h("summary", null, title));
    details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) details.append(draw()); });
    return details;
  };
  const drawing = (place, first) => {
    const row = hosts.hosts[place];
    const state = { series: first, horizons: hosts.horizons.map((label) => label in hosts.baselines), segment: true, log: null };
    const canvas = h("div", { class: "chart" });
    const legend = h("ul", { class: "legend" });
    const summary = h("p", { class: "quiet" });
    const readout = h("output", { class: "readout", for: "slot" });
    const slider = h("input", { id: "slot", type: "range", min: 0, max: SLOTS - 1, step: 1, oninput: () => point(Number(slider.value)) });
    const alternative = h("div");
    const log = h("input", { type: "checkbox", id: "log", onchange: (event) => { state.log = event.target.checked; draw(); } });
    let known = null;
    let lines = [];
    const point = (slot) => {
      const unit = hosts.series[state.series][3];
      const texts = lines.map((line) => `${line.label} ${amount(line.values[slot], unit)}`);
      readout.textContent = `${time(slotEnd(slot))}: ${texts.join(" · ")}`;
      slider.setAttribute("aria-valuetext", `${time(slotEnd(slot))}, ${texts.join(", ")}`);
      if (chart && chart.status === 1) chart.setCursor({ left: chart.valToPos(slotEnd(slot), "x"), top: 10 }, false);
    };
    const draw = () => {
      known = seriesOf(place, state.series);
      const unit = hosts.series[state.series][3];
      lines = [{ label: "value", name: "value", values: known.values, stroke: "value", width: 2.5, fill: true }];
      hosts.horizons.forEach((label, horizon) => {
        if (!state.horizons[horizon]) return;
        hosts.statistics.forEach((statistic, number) => lines.push({ label: `${statistic} ${label}`, values: known.own[horizon][number], stroke: `h${horizon}`, width: 1.5, dash: statistic === "median" ? [2, 4] : null }));
        if (state.segment && known.segment) lines.push({ label: `segment p95 ${label}`, values: known.segment[horizon][1], stroke: "segment", width: 1.5, dash: horizon ? [10, 3, 2, 3] : [10, 4] });
      });
      lines = lines.filter((line) => line.name || line.values.some((each) => each !== null));
      const highest = Math.max(...known.values.map((each) => each || 0));
      const usual = Math.max(...lines.slice(1).flatMap((line) => line.values.map((each) => each || 0)), 0);
      if (state.log === null) log.checked = usual > 0 && highest > 20 * usual;
      const peak = known.values.indexOf(highest);
      summary.textContent = `${hosts.series[state.series][4]}: at most ${amount(highest, unit)}, in the window that ended at ${time(slotEnd(Math.max(peak, 0)))}` +
        lines.slice(1).filter((line) => line.label.startsWith("p95")).map((line) => `; ${line.label} at that time is ${amount(line.values[Math.max(peak, 0)], unit)}`).join("") +
        (lines.length === 1 ? "; no baseline tells what is usual" : "") + ".";
      legend.replaceChildren(...lines.map((line) => h("li", null, svg("svg", { class: "key", viewBox: "0 0 26 8", "aria-hidden": "true" },
        svg("path", { d: "M0 4H26", stroke: `var(--${line.stroke})`, "stroke-width": line.width, "stroke-dasharray": line.dash ? line.dash.map((each) => each / 1.3).join(" ") : "none" })), line.label)),
        ...(row[4] && row[4][6].length ? [h("li", null, h("span", { class: "key area" }), "silent")] : []));
      paint(canvas, place, state, lines, unit, log.checked, (slot) => { slider.value = slot; point(slot); });
      canvas.setAttribute("aria-label", `Chart of ${seriesName(state.series)}. ${summary.textContent}`);
      alternative.replaceChildren(lazily("The values as a table", () => table(`${seriesName(state.series)} by time`, ["window ends", ...lines.map((line) => [line.label, "right"])],
        known.values.map((_, slot) => slot).filter((slot) => (slot + 1) % known.every === 0)
          .map((slot) => [time(slotEnd(slot)), ...lines.map((line) => amount(line.values[slot], unit))]))));
      [slider.min, slider.step] = [known.every - 1, known.every];
      slider.value = Math.max(peak, 0);
      point(Math.max(peak, 0));
      const drawn = chart; // its axes are laid out in a microtask
      Promise.resolve().then(() => { if (drawn === chart) point(Number(slider.value)); });
    };
    const select = h("select", { id: "metric", onchange: (event) => { state.series = Number(event.target.value); state.log = null; draw(); } },
      ["outbound", "inbound"].map((role) => [role, row[3].filter((number) => hosts.series[number][1] === role)]).filter(([, of]) => of.length)
        .map(([role, of]) => h("optgroup", { label: role }, of.map((number) => h("option", { value: number, selected: number === first }, seriesName(number))))));
    const box = (id, text, checked, change) => h("label", { class: "box" }, h("input", { type: "checkbox", id, checked, onchange: (event) => { change(event.target.checked); draw(); } }), text);
    afterwards(draw);
    canvas.setAttribute("role", "img");
    return [
      h("div", { class: "bar controls" }, h("label", { for: "metric" }, "Metric"), select,
        hosts.horizons.filter((label) => label in hosts.baselines).map((label) => box(`show-${label}`, label, true, (on) => { state.horizons[hosts.horizons.indexOf(label)] = on; })),
        box("show-segment", "segment", true, (on) => { state.segment = on; }), h("label", { class: "box" }, log, "compress large values")),
      summary, legend, canvas,
      h("div", { class: "cursor" }, h("label", { for: "slot" }, "Time"), slider), readout, alternative];
  };
  const paint = (canvas, place, state, lines, unit, compressed, moved) => {
    if (chart) chart.destroy();
    const silent = hosts.hosts[place][4] ? hosts.hosts[place][4][6] : [];
    const axis = { stroke: color("quiet"), grid: { stroke: color("line"), width: 1 }, ticks: { stroke: color("line"), width: 1 }, font: "12px system-ui, sans-serif" };
    const shade = (u) => {
      u.ctx.save();
      u.ctx.fillStyle = color("shade");
      for (const [from, to] of silent) {
        const [left, right] = [slotEnd(from) - 900, slotEnd(to)].map((at) => u.valToPos(at, "x", true));
        u.ctx.fillRect(left, u.bbox.top, right - left, u.bbox.height);
      }
      u.ctx.restore();
    };
    const stepped = uPlot.paths.stepped({ align: -1 });
    canvas.replaceChildren();
    chart = new uPlot({
      width: canvas.clientWidth || 600, height: 300, legend: { show: false }, tzDate: (at) => uPlot.tzDate(new Date(1000 * at), "UTC"),
      cursor: { drag: { x: false, y: false }, points: { size: 7 } },
      scales: { x: { time: true, range: [hosts.day[0], hosts.day[1]] }, y: compressed ? { distr: 4, asinh: 1, range: (u, low, high) => [0, high * 1.3] } : { range: (u, low, high) => [0, (high || 1) * 1.08] } },
      axes: [{ ...axis, values: (u, splits) => splits.map((at) => (at === hosts.day[1] ? "24:00" : iso(at).slice(11, 16))), space: 60 },
        { ...axis, size: 72, values: (u, splits) => splits.map((each) => amount(each, unit)),
          ...(compressed ? { filter: (u, splits) => splits, splits: (u) => { const out = [0]; for (let each = 1; each <= u.scales.y.max; each *= 10) out.push(each); return out.length > 8 ? out.filter((_, i) => i % 2 === 0) : out; } } : {}) }],
      series: [{}, ...lines.map((line) => ({ label: line.label, stroke: color(line.stroke), width: line.width, dash: line.dash || undefined, fill: line.fill ? color("value-fill") : undefined, paths: line.fill ? undefined : stepped, points: { show: false }, spanGaps: Boolean(line.fill) && everyOf(place) > 1 }))],
      hooks: { drawClear: [shade], setCursor: [(u) => { if (u.cursor.event && u.cursor.idx !== null && u.cursor.idx !== undefined) moved(u.cursor.idx); }] },
    }, [Array.from({ length: SLOTS }, (_, slot) => slotEnd(slot)), ...lines.map((line) => line.values)], canvas);
    const drawn = chart;
    new ResizeObserver(() => { if (drawn === chart && canvas.clientWidth && canvas.clientWidth !== drawn.width) drawn.setSize({ width: canvas.clientWidth, height: 300 }); }).observe(canvas);
  };

  // -------------------------------------------------------------------------------------------------------- data
  const data = () => {
    const found = report.data;
    const account = found.account;
    const notFlows = Object.values(account.not_flows).reduce((sum, rows) => sum + rows, 0);
    const waits = found.deliveries.map((each) => each[6]);
    return [
      heading("Data"),
      h("p", { class: "lead" }, `What is published from ${day(report.period[0])} to ${day(report.period[1] - 1)} (UTC), by the manifests that answer now.`),
      h("dl", { class: "tiles" },
        tile("rows in", count(account.in), `${count(account.used)} used`),
        tile("quarantined", count(account.quarantined), account.in ? share(account.quarantined / account.in) : null),
        tile("stale partitions", count(found.stale.length), found.stale.length ? "see below" : "none"),
        tile("delivery to features", waits.length ? seconds(median(waits)) : "–", waits.length ? `median; ${seconds(Math.max(...waits))} at most` : "not known")),
      h("section", { "aria-labelledby": "coverage" }, h("h2", { id: "coverage" }, "Coverage"), calendar(found)),
      h("section", { "aria-labelledby": "quarantine" }, h("h2", { id: "quarantine" }, "Rows that came in"),
        h("p", null, `${count(account.in)} = ${count(account.used)} used + ${count(account.quarantined)} quarantined`, account.repeated ? ` + ${count(account.repeated)} repeated` : "",
          notFlows ? ` + ${count(notFlows)} not flows (${Object.entries(account.not_flows).map(([kind, rows]) => `${kind} ${count(rows)}`).join(", ")})` : "", "."),
        found.quarantine.length
          ? [table("Quarantined rows by reason", ["reason", ["rows", "right"], ["files", "right"], "for example"],
            found.quarantine.map(([word, rows, files, example, file, number]) => [word, count(rows), count(files), h("span", { class: "example" }, example, h("span", { class: "quiet" }, `row ${count(number)} of ${file}`))])),
            account.quarantined > found.quarantine_read && h("p", { class: "quiet" }, `The table counts the newest ${count(found.quarantine_read)} of them.`)]
          : h("p", null, "No row is quarantined.")),
      h("section", { "aria-labelledby": "delivery" }, h("h2", { id: "delivery" }, "From delivery to features"), waiting(found.deliveries)),
      h("section", { "aria-labelledby": "lineage" }, h("h2", { id: "lineage" }, "Lineage of the newest baselines"),
        found.lineages.length ? found.lineages.map(lineage) : h("p", null, "No baseline is published in this time.")),
      h("section", { "aria-labelledby": "stale" }, h("h2", { id: "stale" }, "Stale partitions"),
        found.stale.length
          ? [h("p", null, "Other versions of their inputs answer now. LATE builds them again: ", h("code", null, "ndr run late"), "."),
            ...growing(found.stale, 20, (rows) => table("Stale partitions", ["dataset", "from", "to", "run", "changed inputs"], rows.map(([dataset, from, to, run, inputs]) => [dataset, minute(from), minute(to), h("code", null, run), inputs.join(", ")])))]
          : h("p", null, "Each partition was built from the versions that answer now.")),
      h("section", { "aria-labelledby": "files" }, h("h2", { id: "files" }, "Files of each table"),
        table("Files, rows and sizes", ["table", ["partitions", "right"], ["files", "right"], ["rows", "right"], ["size", "right"], ["median file", "right"]],
          found.files.map(([name, partitions, files, rows, bytes, each]) => [name, count(partitions), count(files), count(rows), amount(bytes, "bytes"), amount(each, "bytes")]))),
    ];
  };
  const dayCells = (cellOf) => {
    const cells = [];
    for (let at = report.period[0]; at < report.period[1]; at += 86400) cells.push(cellOf(at, cells.length));
    return cells;
  };
  const dayHead = (last) => {
    const months = [];
    dayCells((at) => { const month = iso(at).slice(0, 7); if (months.length && months[months.length - 1][0] === month) months[months.length - 1][1] += 1; else months.push([month, 1]); });
    return h("thead", null, h("tr", null, h("td", null), months.map(([month, days]) => h("th", { scope: "colgroup", colspan: days, class: "month" }, days > 2 ? month : hidden(month)))),
      h("tr", null, h("td", null), dayCells((at) => h("th", { scope: "col" }, iso(at).slice(8, 10)))));
  };
  const cell = (kind, shown, told) => h("td", { class: `cell ${kind}`, title: told }, h("span", { "aria-hidden": "true" }, shown), hidden(told));
  const calendar = (found) => {
    const rowOf = (name, of) => h("tr", null, h("th", { scope: "row" }, name), of);
    const covered = ([name, days]) => rowOf(name, days.map(([part, partitions], number) => {
      if (days.slice(0, number + 1).every(([each]) => !each)) return cell("absent", "", `${name}, ${day(report.period[0] + 86400 * number)}: before its first partition`);
      const told = `${name}, ${day(report.period[0] + 86400 * number)}: ${part ? `${share(part)} covered, ${plural(partitions, "partition")}` : "nothing published"}`;
      return part >= 0.9995 ? cell("full", "", told) : part > 0 ? cell("partly", Math.floor(100 * part), told) : cell("none", "–", told);
    }));
    const ended = ([horizon, ends]) => {
      const known = new Map(ends.map(([end, part]) => [end, part]));
      return rowOf(`fg_b ${horizon}`, dayCells((at) => {
        const part = known.get(at + 86400);
        const told = `fg_b ${horizon} that ends with ${day(at)}: ${part === undefined ? "not built" : `${share(part)} of its horizon covered`}`;
        return part === undefined ? cell("absent", "", told) : part >= 0.9995 ? cell("full", "●", told) : cell("partly", Math.floor(100 * part), told);
      }));
    };
    return [h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Coverage by day" },
      h("table", { class: "calendar" }, h("caption", { class: "hidden" }, "Coverage of each dataset by UTC day"), dayHead(), h("tbody", null, found.coverage.map(covered), found.baseline_ends.map(ended)))),
    h("ul", { class: "legend" }, [["full", "", "all of the day"], ["partly", "50", "per cent of the day"], ["none", "–", "nothing"], ["full", "●", "a baseline ends with the day"]].map(([kind, shown, text]) => h("li", null, h("span", { class: `cell ${kind}`, "aria-hidden": "true" }, shown), text))),
    found.inventory.length > 0 && h("p", { class: "quiet" }, `Machine inventory: ${found.inventory.map(([month, rows]) => `${iso(month).slice(0, 7)} with ${plural(rows, "machine")}`).join(", ")}.`)];
  };
  const waiting = (rows) => {
    if (!rows.length) return h("p", null, "No manifest of the period names its delivered files, or no features are published.");
    const byDay = new Map();
    for (const [from, , files, bytes, , , wait] of rows) {
      const of = byDay.get(day(from)) || { waits: [], files: 0, bytes: 0 };
      of.waits.push(wait); of.files += files; of.bytes += bytes; byDay.set(day(from), of);
    }
    const days = [...byDay].sort(([a], [b]) => (a < b ? -1 : 1));
    const top = Math.max(...rows.map((each) => each[6]), 1);
    const [width, height, left] = [700, 120, 0];
    const step = (width - left) / days.length;
    const bars = days.map(([, of], number) => {
      const [middle, longest] = [median(of.waits), Math.max(...of.waits)].map((each) => (each / top) * (height - 4));
      return svg("g", null, svg("rect", { class: "most", x: left + number * step + 1, width: Math.max(step - 2, 1), y: height - longest, height: longest }),
        svg("rect", { class: "middle", x: left + number * step + 1, width: Math.max(step - 2, 1), y: height - middle, height: middle }));
    });
    return [h("p", null, `Seconds from the last file of a batch to the features that answer now, ${plural(rows.length, "batch", "batches")}: median ${seconds(median(rows.map((each) => each[6])))}, p95 ${seconds(quantile(rows.map((each) => each[6]), 0.95))}, at most ${seconds(top)}. Features that were built again count up to the last time.`),
      h("figure", { role: "img", "aria-label": `Time from delivery to features by day, at most ${seconds(top)}; the table below has the numbers` },
        h("div", { class: "hours", "aria-hidden": "true" }, h("span", null, `↑ ${seconds(top)}`), h("span", null, [h("span", { class: "swatch middle" }), "median of the day ", h("span", { class: "swatch most" }), "longest"])),
        svg("svg", { class: "bars-by-day", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, bars),
        h("div", { class: "hours", "aria-hidden": "true" }, h("span", null, days[0][0]), h("span", null, days[days.length - 1][0]))),
      lazily("The times as a table", () => table("From delivery to features, by day", ["day", ["batches", "right"], ["files", "right"], ["size", "right"], ["median", "right"], ["longest", "right"]],
        days.map(([name, of]) => [name, count(of.waits.length), count(of.files), amount(of.bytes, "bytes"), seconds(median(of.waits)), seconds(Math.max(...of.waits))])))];
  };
  const lineage = (found) => {
    const box = (title, figure, note) => h("li", null, h("strong", null, title), h("span", null, figure), note && h("span", { class: "quiet" }, note));
    const rows = Object.values(found.rows).reduce((sum, each) => sum + each, 0);
    const changed = found.reads.reduce((sum, each) => sum + each[4].length, 0);
    return h("article", { class: "lineage" },
      h("h3", null, `${found.horizon}, end ${minute(found.end)}`, " ", changed ? badge("stale", "bad") : badge("current", "good")),
      h("ol", { class: "chain", "aria-label": "From files to baseline" },
        box("Delivered files", plural(found.files, "file"), amount(found.bytes, "bytes")),
        box("deltas", plural(found.delta_versions, "partition")),
        box("FG-A", plural(found.feature_versions, "partition"), `${day(found.summarized[0])} to ${day(found.summarized[1] - 1)}`),
        box("Baseline", `${count(rows)} rows in ${plural(Object.keys(found.rows).length, "table")}`, `${share(found.coverage)} covered`)),
      table(`What the ${found.horizon} baseline read`, ["dataset", "from", "to", ["days with data", "right"], "changed since"],
        found.reads.map(([dataset, from, to, days, since]) => [dataset, minute(from), minute(to), days, since.length ? since.join(", ") : "no"])),
      h("p", { class: "quiet small" }, "Published ", second(found.published_at), " by run ", h("code", null, found.run_id), ", code ", h("code", null, found.code_version.slice(0, 12)), ": ", h("code", null, found.uri)));
  };

  // -------------------------------------------------------------------------------------------------- operations
  const BAD = ["FAILED", "TIMED_OUT", "ABORTED", "Failed", "Stopped"];
  const kindOf = (status) => (BAD.includes(status) ? "bad" : ["SUCCEEDED", "Succeeded"].includes(status) ? "good" : "busy");
  const operations = () => {
    const runs = report.operations.executions;
    const failed = runs.filter((each) => BAD.includes(each.status));
    const busy = runs.filter((each) => each.status === "RUNNING");
    return [
      heading("On call"),
      runs.length
        ? h("p", { class: "lead" }, `The last ${plural(runs.length, "execution")} of the state machines, from ${second(Math.min(...runs.map((each) => each.start)))} to ${second(Math.max(...runs.map((each) => each.stop || each.start)))} UTC.`)
        : h("p", { class: "lead" }, report.operations.note || "No execution of the state machines is known to this report."),
      h("dl", { class: "tiles" }, tile("executions", count(runs.length)), tile("failed", count(failed.length), failed.length ? "see below" : "none"), tile("running", count(busy.length)),
        tile("polls", count(runs.reduce((sum, each) => sum + each.polls, 0)), `${plural(runs.reduce((sum, each) => sum + each.retries, 0), "retry", "retries")}`)),
      h("section", { "aria-labelledby": "failures" }, h("h2", { id: "failures" }, "Failures"),
        failed.length ? h("ul", { class: "failures" }, failed.map((each) => h("li", null, h("strong", null, each.machine), " ", badge(each.status, "bad"), " ", h("span", { class: "quiet" }, second(each.start)), h("p", null, each.failure || "No cause was given."), h("p", { class: "quiet small" }, "request ", h("code", null, each.request)))))
          : h("p", null, "No execution failed.")),
      h("section", { "aria-labelledby": "grid" }, h("h2", { id: "grid" }, "Baselines and backfill"), grid()),
      runs.length > 0 && h("section", { "aria-labelledby": "timeline" }, h("h2", { id: "timeline" }, "Executions"), timeline(runs),
        ...growing(runs, 20, (rows) => h("div", { class: "runs" }, rows.map(run)))),
    ];
  };
  const GRID = { completed: ["full", "●"], published: ["full", "○"], in_progress: ["busy", "…"], stale: ["partly", "~"], failed: ["bad", "×"], abandoned: ["bad", "?"], insufficient_history: ["none", "–"], unreadable: ["bad", "!"] };
  const grid = () => {
    const states = report.operations.grid;
    if (!states.length) return h("p", null, "No baseline is known.");
    const horizons = [...new Set(states.map((each) => each[0]))];
    const tally = new Map();
    for (const [, , status] of states) tally.set(status, (tally.get(status) || 0) + 1);
    const ends = new Map(states.map(([horizon, end, status, why]) => [`${horizon} ${end}`, [status, why]]));
    const reasons = new Map();
    for (const [horizon, end, status, why] of states) {
      if (!why || status === "completed") continue;
      const key = [horizon, status, why].join("\n");
      reasons.set(key, [...(reasons.get(key) || []), end]);
    }
    const range = (of) => (of.length === 1 ? minute(of[0]) : `${count(of.length)} from ${day(of[0])} to ${day(of[of.length - 1])}`);
    const outside = states.filter(([, end]) => end <= report.period[0] || end > report.period[1]).length;
    return [h("p", null, [...tally].map(([status, number]) => `${count(number)} ${status.replace("_", " ")}`).join(", "), ". A column is the last day before the end of a baseline.", outside ? ` ${count(outside)} end outside these days.` : ""),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Baselines by end" },
        h("table", { class: "calendar" }, h("caption", { class: "hidden" }, "State of the baselines by horizon and end"), dayHead(), h("tbody", null, horizons.map((horizon) =>
          h("tr", null, h("th", { scope: "row" }, horizon), dayCells((at) => {
            const known = ends.get(`${horizon} ${at + 86400}`);
            if (!known) return cell("absent", "", `${horizon}, end ${day(at + 86400)}: not built`);
            const [kind, shown] = GRID[known[0]] || ["none", "?"];
            return cell(kind, shown, `${horizon}, end ${day(at + 86400)}: ${known[0].replace("_", " ")}${known[1] ? `, ${known[1]}` : ""}`);
          })))))),
      h("ul", { class: "legend" }, [...tally.keys()].map((status) => h("li", null, h("span", { class: `cell ${(GRID[status] || ["none"])[0]}`, "aria-hidden": "true" }, (GRID[status] || ["", "?"])[1]), status.replace("_", " ")))),
      reasons.size > 0 && table("Baselines with a reason", ["horizon", "ends", "state", "why"], [...reasons].map(([key, of]) => { const [horizon, status, why] = key.split("\n"); return [horizon, range(of), status.replace("_", " "), h("span", { class: "long" }, why)]; }))];
  };
  const timeline = (runs) => {
    const from = Math.min(...runs.map((each) => each.start));
    const to = Math.max(...runs.map((each) => each.stop || report.generated), from + 1);
    const machines = [...new Set(runs.map((each) => each.machine))].sort();
    return h("figure", { class: "lanes", role: "img", "aria-label": `Timeline of ${plural(runs.length, "execution")} of ${machines.join(" and ")}; the list below has each of them` },
      machines.map((machine) => h("div", { class: "lane" }, h("span", { class: "quiet" }, machine),
        h("div", { class: "track" }, runs.filter((each) => each.machine === machine).map((each) => h("span", {
          class: `span ${kindOf(each.status)}`, title: `${second(each.start)}, ${seconds((each.stop || report.generated) - each.start)}, ${each.status}`,
          style: { left: `${(100 * (each.start - from)) / (to - from)}%`, width: `${Math.max((100 * ((each.stop || report.generated) - each.start)) / (to - from), 0.3)}%` } }))))),
      h("div", { class: "lane" }, h("span"), h("div", { class: "hours" }, h("span", null, second(from)), h("span", null, second(to)))));
  };
  const run = (each) => {
    const took = (each.stop || report.generated) - each.start;
    const details = h("details", { class: "run" }, h("summary", null, h("strong", null, each.machine), badge(each.status.toLowerCase(), kindOf(each.status)),
      h("span", null, second(each.start)), h("span", null, seconds(took)), h("span", { class: "quiet" }, `${plural(each.polls, "poll")}, ${plural(each.retries, "retry", "retries")}`)));
    details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) details.append(spans(each, took)); });
    return details;
  };
  const spans = (each, took) => {
    const shown = each.spans.filter(([kind, , , , stop, status, length]) => kind !== "state" || length >= 0.1 || !stop || BAD.includes(status));
    const rows = shown.map(([kind, within, name, start, stop, status, length, times]) => {
      const end = stop || report.generated;
      const left = Math.max(0, (start - each.start) / took);
      return [h("span", { class: `what ${kind}` }, kind === "pipeline" ? name : kind === "step" ? name : `${within} > ${name}`, times > 1 && h("span", { class: "quiet" }, ` ×${times}`)),
        h("div", { class: "track", "aria-hidden": "true" }, h("span", { class: `span ${kindOf(status)} ${kind} ${times > 1 ? "several" : ""}`, style: { left: `${100 * left}%`, width: `${Math.max(100 * Math.min((end - start) / took, 1 - left), 0.4)}%` } })),
        seconds(start - each.start), seconds(stop ? length : end - start), status.toLowerCase()];
    });
    return h("div", null, h("p", { class: "quiet small" }, "request ", h("code", null, each.request || "{}"), ", execution ", h("code", null, each.arn)),
      table(`Timeline of ${each.machine} ${each.name}`, ["what", ["timeline", "wide"], ["began after", "right"], ["took", "right"], "status"], rows, { class: "gantt" }),
      each.spans.length > shown.length && h("p", { class: "quiet small" }, `${plural(each.spans.length - shown.length, "state")} of less than 0.1 s left out.`));
  };

  // ------------------------------------------------------------------------------------------------------ routes
  const heading = (text, ...more) => h("h1", { tabindex: "-1" }, text, " ", more);
  const VIEWS = [["findings", "Findings", "for the analyst"], ["data", "Data", "for the data engineer"], ["operations", "On call", "for the engineer on call"]];
  let later = [];
  const afterwards = (draw) => later.push(draw);
  const route = async (isFirst) => {
    const [name, ...rest] = decodeURIComponent(location.hash.slice(1)).split("/");
    if (name === "main") return;
    const view = name === "host" ? () => host(rest[0], rest[1]) : { data, operations }[name] || findings;
    const current = name === "host" || !["data", "operations"].includes(name) ? "findings" : name;
    for (const link of document.querySelectorAll("#top nav a")) {
      if (link.getAttribute("href") === `#${current}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (chart) chart.destroy();
    chart = null;
    later = [];
    $("main").replaceChildren(...(await view()).flat(3).filter(Boolean));
    later.forEach((draw) => draw());
    // The newest days are at the right end.
    for (const each of document.querySelectorAll("table.calendar")) each.parentElement.scrollLeft = each.parentElement.scrollWidth;
    const title = $("main").querySelector("h1");
    document.title = `${title.textContent.trim()} · NDR report of ${report.project}`;
    if (!isFirst) { window.scrollTo(0, 0); title.focus({ preventScroll: true }); }
  };
  const themes = ["auto", "light", "dark"];
  const chosen = () => { try { return localStorage.getItem("theme") || "auto"; } catch { return "auto"; } };
  const apply = (theme) => {
    if (theme === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.setAttribute("data-theme", theme);
    try { localStorage.setItem("theme", theme); } catch { /* a page of a file may have no storage */ }
  };
  apply(chosen());
  const pick = h("select", { id: "theme", onchange: (event) => { apply(event.target.value); if (chart) route(true); } }, themes.map((theme) => h("option", { value: theme, selected: theme === chosen() }, theme)));
  $("top").append(
    h("div", { class: "brand" }, h("strong", null, "NDR report"), h("span", null, `${report.project} ${report.version}`)),
    h("nav", { "aria-label": "Views" }, VIEWS.map(([name, text, whom]) => h("a", { href: `#${name}`, title: whom }, text))),
    h("div", { class: "theme" }, h("label", { for: "theme" }, "Theme"), pick));
  $("bottom").append(h("p", null, `Made ${second(report.generated)} UTC. All times are UTC; time bands follow ${report.time_zone}. Numbers of charts have three digits. `,
    "Charts by uPlot 1.6.32 (MIT). The file loads nothing from the network."));
  window.addEventListener("hashchange", () => route(false));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (chart) route(true); });
  await route(true);
  document.documentElement.setAttribute("data-ready", "");
})();
