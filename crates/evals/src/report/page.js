"use strict";
// The table of cases. Everything here may be text of others: it goes into the page as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("case-data").textContent);
  const place = document.getElementById("case-table");
  const SAME = 1.5e-6; // baselines are kept to six decimals
  const order = new Intl.Collator(undefined, { numeric: true });
  const nothing = -1;
  const state = {
    metric: 0, a: data.a, b: data.b ?? nothing, show: "all", text: "",
    sort: data.b == null ? "case" : "change", down: false, page: 0, size: 50, open: new Set(),
  };

  // An element with attributes, listeners (`onclick`) and children; strings become text.
  function el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value == null || value === false) continue;
      if (typeof value === "function") made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat(Infinity)) {
      if (child != null && child !== "") made.append(child instanceof Node ? child : String(child));
    }
    return made;
  }
  // Text of others: apart from the direction of what is around it.
  const foreign = (text) => el("bdi", {}, text);
  const hidden = (text) => el("span", { class: "hidden" }, text);

  const metric = () => data.metrics[state.metric];
  const named = (s) => data.series[s].run ? `${data.series[s].variant} (${data.series[s].run})` : data.series[s].variant;
  const cell = (s, c) => s === nothing ? null : data.cells[s][c];
  const value = (s, c) => cell(s, c)?.v[state.metric] ?? null;
  const written = (x, of = metric()) => x == null ? "–" : x.toFixed(of.decimals);
  const signed = (x) => (x > 0 ? "+" : "") + written(x);
  const time = (ms) => ms == null ? "–" : ms < 1 ? `${ms.toFixed(2)} ms` : ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`;
  const number = (x) => Number.isInteger(x) ? String(x) : String(Number(x.toFixed(6)));

  function change(c) {
    const [a, b] = [value(state.a, c), value(state.b, c)];
    return a == null || b == null ? null : b - a;
  }
  // 1 better, −1 worse, 0 the same, null where a side has nothing.
  function direction(c) {
    const by = change(c);
    if (by == null) return null;
    return Math.abs(by) <= SAME ? 0 : (by > 0) !== metric().lower ? 1 : -1;
  }
  const failed = (c) => Boolean(cell(state.a, c)?.error || cell(state.b, c)?.error);

  const shows = {
    all: ["all", () => true],
    changed: ["better or worse", (c) => Boolean(direction(c))],
    worse: ["worse", (c) => direction(c) === -1],
    better: ["better", (c) => direction(c) === 1],
    same: ["the same", (c) => direction(c) === 0],
    failed: ["failed", failed],
    one: ["on one side only", (c) => Boolean(cell(state.a, c)) !== Boolean(cell(state.b, c))],
  };

  // A change is sorted with the worst first, whichever end of the metric is good.
  const keys = {
    case: (c) => data.cases[c][0],
    request: (c) => data.cases[c][2],
    a: (c) => value(state.a, c),
    b: (c) => value(state.b, c),
    change: (c) => { const by = change(c); return by == null ? null : metric().lower ? -by : by; },
    time: (c) => cell(state.b === nothing ? state.a : state.b, c)?.ms ?? null,
  };

  function listed() {
    const wanted = state.text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const there = (c) => cell(state.a, c) || cell(state.b, c);
    const found = (c) => {
      if (!wanted.length) return true;
      const errors = [cell(state.a, c)?.error, cell(state.b, c)?.error];
      const all = [...data.cases[c], ...errors].join("\n").toLocaleLowerCase();
      return wanted.every((word) => all.includes(word));
    };
    const key = keys[state.sort];
    const rows = data.cases.map((_, c) => c).filter((c) => there(c) && shows[state.show][1](c) && found(c));
    const keyed = rows.map((c) => [key(c), c]);
    keyed.sort(([x, c], [y, d]) => {
      // What is not known stands last, either way.
      if (x == null || y == null) return (x == null) - (y == null) || c - d;
      const by = typeof x === "string" ? order.compare(x, y) : x - y;
      return (state.down ? -by : by) || order.compare(data.cases[c][0], data.cases[d][0]);
    });
    return keyed.map(([, c]) => c);
  }

  // The controls.
  function choice(label, options, chosen, pick) {
    const select = el("select", { onchange: (e) => { pick(e.target.value); state.page = 0; draw(); } },
      options.map(([v, name]) => el("option", { value: v, selected: String(v) === String(chosen) }, name)));
    return el("label", {}, label, select);
  }
  const series = data.series.map((_, s) => [s, named(s)]);
  const left = choice("left", series, state.a, (v) => { state.a = Number(v); });
  const right = choice("right", [[nothing, "nothing"], ...series], state.b, (v) => {
    state.b = Number(v);
    if (state.b === nothing && (state.sort === "b" || state.sort === "change")) state.sort = "case";
  });
  const search = el("input", { type: "search", autocomplete: "off", spellcheck: "false",
    oninput: (e) => { state.text = e.target.value; state.page = 0; draw(); } });
  const controls = el("div", { class: "controls", role: "group", "aria-label": "What is shown" },
    choice("metric", data.metrics.map((m, at) => [at, m.name]), 0, (v) => { state.metric = Number(v); }),
    left, right,
    el("button", { type: "button", onclick: () => {
      if (state.b === nothing) return;
      [state.a, state.b] = [state.b, state.a];
      left.querySelector("select").value = state.a;
      right.querySelector("select").value = state.b;
      draw();
    } }, "Swap"),
    choice("show", Object.entries(shows).map(([v, [name]]) => [v, name]), state.show, (v) => { state.show = v; }),
    el("label", { class: "wide" }, "search in names, requests and errors", search),
    choice("rows", [25, 50, 100, 250].map((n) => [n, n]), state.size, (v) => { state.size = Number(v); }));
  const status = el("p", { class: "status", role: "status" });
  const head = el("thead");
  const body = el("tbody");
  const table = el("div", { class: "scroll", role: "region", tabindex: "0", "aria-labelledby": "cases-title" },
    el("table", { class: "cases" }, head, body));
  const pager = el("div", { class: "pager", role: "group", "aria-label": "Pages" });
  place.append(controls, status, table, pager);

  const columns = () => [
    ["case", "case", ""], ["request", "request", ""],
    ["a", named(state.a), "num"],
    ...(state.b === nothing ? [] : [["b", named(state.b), "num"], ["change", "change", "num"]]),
    ["time", state.b === nothing ? "time" : "time, right", "num"],
  ];

  function draw() {
    const rows = listed();
    const pages = Math.max(1, Math.ceil(rows.length / state.size));
    state.page = Math.min(state.page, pages - 1);
    const from = state.page * state.size;
    const shown = rows.slice(from, from + state.size);
    const range = rows.length > shown.length ? `, ${from + 1} to ${from + shown.length} on this page` : "";
    const all = rows.length < data.cases.length ? ` of ${data.cases.length}` : "";
    status.textContent = `${rows.length}${all} cases in ${metric().name}${range}`;
    const focused = document.activeElement?.dataset?.sort;
    head.replaceChildren(el("tr", {}, columns().map(([key, name, kind]) => {
      const sorted = state.sort === key ? (state.down ? "descending" : "ascending") : null;
      const sort = () => {
        state.down = state.sort === key && !state.down;
        state.sort = key;
        state.page = 0;
        draw();
      };
      return el("th", { scope: "col", class: kind, "aria-sort": sorted },
        el("button", { type: "button", "data-sort": key, onclick: sort }, foreign(name)));
    })));
    if (focused) head.querySelector(`[data-sort="${focused}"]`)?.focus();
    body.replaceChildren(...shown.flatMap((c) => state.open.has(c) ? [row(c), opened(c)] : [row(c)]));
    if (!shown.length) body.append(el("tr", {}, el("td", { colspan: columns().length }, "No case is like that.")));
    const turn = (to, name) => el("button", { type: "button", disabled: to < 0 || to >= pages, onclick: () => {
      state.page = to;
      draw();
      controls.scrollIntoView({ block: "start" });
    } }, name);
    pager.replaceChildren(turn(0, "First"), turn(state.page - 1, "Previous"),
      el("span", {}, `page ${state.page + 1} of ${pages}`), turn(state.page + 1, "Next"), turn(pages - 1, "Last"));
    pager.hidden = pages === 1;
  }

  function row(c) {
    const [name, , request] = data.cases[c];
    const toggle = () => {
      const line = body.querySelector(`[data-case="${c}"]`);
      if (state.open.delete(c)) line.nextElementSibling.remove();
      else { state.open.add(c); line.after(opened(c)); }
      open.setAttribute("aria-expanded", String(state.open.has(c)));
    };
    const open = el("button", { type: "button", class: "open", "aria-expanded": String(state.open.has(c)),
      "aria-controls": `case-${c}`, onclick: toggle }, foreign(name));
    const by = change(c), way = direction(c);
    const shown = (s) => cell(s, c)?.error ? el("span", { class: "bad" }, "failed ", written(value(s, c))) : written(value(s, c));
    return el("tr", { "data-case": c },
      el("th", { scope: "row" }, open),
      el("td", { class: "request" }, el("div", { class: "clamp" }, foreign(request))),
      el("td", { class: "num" }, shown(state.a)),
      state.b === nothing ? null : [
        el("td", { class: "num" }, shown(state.b)),
        el("td", { class: `num ${way === 1 ? "good" : way === -1 ? "bad" : ""}` },
          way === 1 ? "▲ " : way === -1 ? "▼ " : "", way === 0 ? "same" : by == null ? "–" : signed(by),
          way ? hidden(way === 1 ? " better" : " worse") : null),
      ],
      el("td", { class: "num" }, time(keys.time(c))));
  }

  // A case, both sides next to each other.
  function opened(c) {
    const seen = document.getElementById(`detail-${c}`);
    const repeats = seen ? JSON.parse(seen.textContent) : null;
    const sides = state.b === nothing || state.b === state.a ? [state.a] : [state.a, state.b];
    const [name, cluster, request] = data.cases[c];
    const close = (e) => {
      if (e.key !== "Escape") return;
      const open = body.querySelector(`[data-case="${c}"] .open`);
      open.click();
      open.focus();
    };
    const inside = el("div", { class: "inside" },
      el("h4", {}, foreign(request || name)),
      el("p", { class: "quiet" }, "case ", foreign(name), cluster === name ? "" : [" of ", foreign(cluster)], " · ",
        el("a", { href: `#case=${encodeURIComponent(name)}` }, "link to this case")),
      figures(c, sides));
    if (!repeats) inside.append(el("p", { class: "quiet" }, "Its details are not in this page; they are in cases.jsonl of the run."));
    const most = repeats ? Math.max(...sides.map((s) => repeats[s].length)) : 0;
    for (let at = 0; at < most; at++) {
      const parts = compare(sides, sides.map((s) => repeats[s][at] ?? null), request);
      if (most === 1) inside.append(...parts);
      else inside.append(el("details", { open: at === 0 }, el("summary", {}, `repeat ${at + 1}`), parts));
    }
    return el("tr", { class: "opened", id: `case-${c}`, onkeydown: close }, el("td", { colspan: columns().length }, inside));
  }

  function figures(c, sides) {
    const line = (name, show) => el("tr", {}, el("th", { scope: "row" }, name), sides.map((s) => {
      const of = cell(s, c);
      return el("td", { class: "num" }, of ? show(of) : "–");
    }));
    return el("table", { class: "figures" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "figure"), sides.map((s) => el("th", { scope: "col", class: "num" }, foreign(named(s)))))),
      el("tbody", {},
        data.metrics.map((m, at) => line(m.name, (of) => written(of.v[at], m))),
        line("wall time", (of) => time(of.ms)),
        sides.some((s) => cell(s, c)?.tokens) ? line("tokens", (of) => number(of.tokens ?? 0)) : null,
        sides.some((s) => cell(s, c)?.cost) ? line("money", (of) => number(of.cost ?? 0)) : null));
  }

  // The parts of what was seen, in an order in which a turn goes; those that are not known come behind.
  const USUAL = ["error", "request", "query", "understood", "not_understood", "refused", "fallback", "planner", "tools",
    "plan", "calls", "exchanges", "answer", "ranking", "places_of_relevant", "gold"];

  function compare(sides, runs, request) {
    const parts = runs.map((run) => {
      if (!run) return null;
      const detail = run.detail && typeof run.detail === "object" && !Array.isArray(run.detail) ? run.detail : run.detail == null ? {} : { detail: run.detail };
      const all = { error: run.error, tools: run.tools, ...detail };
      if (run.calls) all["model calls"] = { calls: run.calls, "tokens read": run.input, "tokens written": run.output };
      return all;
    });
    const empty = (v) => v == null || (Array.isArray(v) && !v.length);
    const names = [...new Set(parts.flatMap((p) => Object.keys(p ?? {})))].filter((name) =>
      parts.some((p) => !empty(p?.[name])) && !(name === "request" && parts.every((p) => !p || p.request === request)));
    const rank = (name) => { const at = USUAL.indexOf(name); return at < 0 ? USUAL.length : at; };
    names.sort((x, y) => rank(x) - rank(y));
    return names.map((name) => {
      const texts = parts.map((p) => JSON.stringify(p?.[name] ?? null));
      const same = parts.length === 2 && texts[0] === texts[1];
      const shown = (at) => {
        const [of, other] = [parts[at], parts[1 - at]];
        return of && !empty(of[name]) ? part(name, of[name], of, other?.[name], 1 - at < sides.length ? sides[1 - at] : null) : el("span", { class: "quiet" }, "–");
      };
      const wide = same || parts.length === 1;
      return el("section", {},
        el("h5", {}, foreign(name.replaceAll("_", " ")), parts.length === 2 ? [" ", el("span", { class: same ? "run" : "badge" }, same ? "the same" : "differs")] : null),
        el("div", { class: wide ? "pair one" : "pair" }, (wide ? [0] : [0, 1]).map((at) =>
          el("div", {}, wide ? null : el("span", { class: "side" }, foreign(named(sides[at]))), shown(at)))));
    });
  }

  function part(name, of, all, other, otherSide) {
    if (name === "error") return el("p", { class: "bad text" }, foreign(of));
    if (name === "tools" && Array.isArray(of)) return foreign(of.join(" → "));
    if (name === "understood" && Array.isArray(of) && of.every((u) => u && typeof u === "object" && "text" in u)) {
      return grid(["words", "understood as", ""], of.map((u) => [u.text, u.meaning ?? u.predicate, u.hard ? "must" : "should"]));
    }
    if (name === "ranking" && Array.isArray(of)) return ranking(of, all, other, otherSide);
    if (name === "places_of_relevant" && of && typeof of === "object") {
      return places(Object.entries(of).map(([id, at]) => [id, "", at]));
    }
    if (name === "gold" && Array.isArray(of) && of.every(Array.isArray)) return places(of);
    if (name === "plan" && Array.isArray(of?.steps)) {
      return grid(["step", "tool", "within", "arguments"], of.steps.map((s) => [s.id, s.tool, s.within, s.args]));
    }
    if (name === "calls" && Array.isArray(of) && of.every((call) => call && typeof call === "object")) {
      return grid(["step", "tool", "result", "time", ""], of.map((call) => {
        const { step, tool, ok, handle, count, ms, error, ...rest } = call;
        const told = ok === false ? el("span", { class: "bad" }, "failed: ", show(error?.message ?? error)) : `${count ?? ""} ${handle ? `(${handle})` : ""}`;
        return [step, tool, told, typeof ms === "number" ? time(ms) : "", el("details", {}, el("summary", {}, "more"), show(rest))];
      }));
    }
    return show(of);
  }

  const idOf = (entry) => Array.isArray(entry) ? entry[0] : entry && typeof entry === "object" ? entry.id ?? entry.ref : entry;

  function ranking(of, all, other, otherSide) {
    const relevant = new Set([...Object.keys(all.places_of_relevant ?? {}), ...(Array.isArray(all.gold) ? all.gold.map(idOf) : [])].map(String));
    const there = Array.isArray(other) ? new Map(other.map((entry, at) => [String(idOf(entry)), at + 1])) : null;
    const rows = of.map((entry, at) => {
      const id = String(idOf(entry));
      const rest = Array.isArray(entry) ? entry.slice(1) : entry && typeof entry === "object" ? Object.entries(entry).filter(([k]) => k !== "id").map(([, v]) => v) : [];
      const known = relevant.has(id);
      return el("tr", { class: known ? "relevant" : null },
        el("td", { class: "num" }, String(at + 1)),
        el("th", { scope: "row" }, foreign(id), known ? [" ✓", hidden(" relevant")] : null),
        el("td", {}, rest.map((v, i) => [i ? " · " : "", typeof v === "number" ? v.toFixed(4) : show(v)])),
        there ? el("td", { class: "num" }, there.has(id) ? String(there.get(id)) : "–") : null);
    });
    return el("table", {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col", class: "num" }, "place"), ["item", ""].map((h) => el("th", { scope: "col" }, h)),
        there ? el("th", { scope: "col", class: "num" }, "in ", foreign(named(otherSide))) : null)),
      el("tbody", {}, rows));
  }

  function places(of) {
    return grid(["relevant item", "", "place"], of.map(([id, title, at]) => [id, title, at ?? "not found"]), of.map(([, , at]) => at != null));
  }

  function grid(heads, rows, marked = []) {
    return el("table", {},
      el("thead", {}, el("tr", {}, heads.map((h) => el("th", { scope: "col" }, h)))),
      el("tbody", {}, rows.map((cells, at) => el("tr", { class: marked[at] ? "relevant" : null }, cells.map((v) =>
        el("td", {}, v instanceof Node ? v : v == null ? "" : show(v)))))));
  }

  // A condition as a line: `(year lt 1990 and genre eq "Horror")`; null if it is something else.
  function condition(of) {
    if (!of || typeof of !== "object" || Array.isArray(of)) return null;
    const names = Object.keys(of);
    if (names.length === 3 && "field" in of && "op" in of && "value" in of) return `${of.field} ${of.op} ${JSON.stringify(of.value)}`;
    if (names.length !== 1) return null;
    if (names[0] === "not") { const inner = condition(of.not); return inner && `not ${inner}`; }
    const word = { all: " and ", any: " or " }[names[0]];
    const parts = word && Array.isArray(of[names[0]]) ? of[names[0]].map(condition) : [null];
    return parts.every(Boolean) ? `(${parts.join(word)})` : null;
  }

  // Anything, readable.
  function show(of, depth = 0) {
    if (typeof of === "string") return el("span", { class: "text" }, foreign(of));
    if (of == null) return el("span", { class: "quiet" }, "none");
    if (typeof of !== "object") return el("code", {}, typeof of === "number" ? number(of) : String(of));
    const text = condition(of) ?? JSON.stringify(of);
    if (condition(of)) return el("code", {}, foreign(text));
    if (text.length <= 90) return el("code", {}, foreign(text));
    const inner = () => Array.isArray(of)
      ? el("ol", {}, of.map((v) => el("li", {}, show(v, depth + 1))))
      : el("dl", {}, Object.entries(of).map(([k, v]) => [el("dt", {}, foreign(k)), el("dd", {}, show(v, depth + 1))]));
    if (depth < 2) return inner();
    return el("details", {}, el("summary", {}, Array.isArray(of) ? `${of.length} entries` : `${Object.keys(of).length} parts`), inner());
  }

  // `#case=NAME` opens a case.
  function follow() {
    const match = /^#case=(.*)$/.exec(location.hash);
    if (!match) return;
    let name = match[1];
    try { name = decodeURIComponent(name); } catch { /* as it is */ }
    const c = data.cases.findIndex(([id]) => id === name);
    if (c < 0) return;
    if (!listed().includes(c)) {
      state.show = "all";
      state.text = search.value = "";
      controls.querySelectorAll("select")[3].value = "all";
    }
    state.open.add(c);
    state.page = Math.max(0, Math.floor(listed().indexOf(c) / state.size));
    draw();
    const open = body.querySelector(`[data-case="${c}"] .open`);
    open?.scrollIntoView({ block: "start" });
    open?.focus({ preventScroll: true });
  }
  addEventListener("hashchange", follow);
  draw();
  follow();
})();
