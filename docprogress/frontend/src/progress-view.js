/**
 * Draws how far documents have come.
 *
 * `createProgressView` takes rows and draws them; it knows nothing of where they
 * come from.  The default export feeds it inside Jupyter.  What is drawn is what
 * was last heard: nothing here moves by itself but clocks, and these stop when
 * nothing is heard any more.  Text reaches the page as text and never as markup.
 *
 * There are no imports: the module is loaded from a Blob URL, which nothing can
 * be relative to.
 */

/** @typedef {"queued"|"processing"|"completed"|"failed"|"cancelled"} Status */
/** @typedef {Status | "stalled"} State */
/** @typedef {State | "all"} Filter */
/** @typedef {"cancel" | "retry"} Action */

/**
 * One document.
 *
 * @typedef {object} Row
 * @property {number} index the key: its place for the life of a view
 * @property {string} id
 * @property {string} name
 * @property {Status} status
 * @property {string} step
 * @property {number} progress 0–100
 * @property {string} message
 * @property {string | null} error
 * @property {number | null} attempt
 * @property {number | null} attempts
 * @property {number | null} current
 * @property {number | null} total
 * @property {string | null} unit
 * @property {string | null} worker
 * @property {number | null} elapsed seconds, when the row was sent
 * @property {boolean} stalled
 * @property {number | null} silent seconds, when the row was sent
 * @property {number} [startedAt] on the page's clock: what `elapsed` is counted on from
 * @property {number} [silentFrom] on the page's clock, likewise
 */

/** @typedef {Partial<Row> & {index: number}} Change */
/** @typedef {{name: string, from: number, to: number}} Segment */

/**
 * All documents together.
 *
 * @typedef {object} Summary
 * @property {string} title
 * @property {string} text one line for a person
 * @property {number} total
 * @property {Record<Status, number>} counts
 * @property {number} stalled
 * @property {number} fraction 0–1: the work that is done, 1 only if all is completed
 * @property {Record<Status, number>} shares what the documents of each status contribute
 *   to `fraction`
 * @property {number | null} elapsed seconds
 * @property {number | null} remaining seconds; null while nobody knows
 * @property {number | null} documents_per_second
 * @property {number | null} pages_per_second
 * @property {number} pages
 * @property {Segment[]} steps what each step takes of a bar; empty where unknown
 * @property {boolean} finished
 * @property {boolean} connected whether the kernel hears Redis
 * @property {string | null} lost_at since when it does not
 * @property {boolean} actions whether documents can be cancelled and retried
 * @property {number} rows how many rows have been told
 * @property {boolean} [loading] whether there are more documents than these
 * @property {{sent: number, total: number} | null} [sending] files on their way to the
 *   sender, while there are any
 * @property {string} [waiting] what a document says that it waits for, where none is
 *   processed
 * @property {number} [heardAt] on the page's clock
 */

/**
 * What is told of one document on request.
 *
 * @typedef {object} Details
 * @property {string} id
 * @property {Row} row
 * @property {{name: string, seconds: number | null, attempt: number | null, pages?: number | null}[]} steps
 * @property {{timestamp: string, attempt: number | null, status: Status, step: string, progress: number, message: string, error?: string | null}[]} history
 * @property {string | null} problem why the history is not whole
 */

/** @typedef {{request: number, ok: boolean, text: string}} Answer */
/** @typedef {{index: number, attempt: number | null, begun: boolean}} Retried */
/** @typedef {{summary: Summary, rows: Row[]}} Whole */
/** @typedef {{summary: Summary, rows: Change[]}} Delta */

/**
 * @typedef {object} Options
 * @property {(action: Action, ids: string[] | null) => number} [onAction] asks for an
 *   action; the number comes back in the answer.  Negative: it cannot be asked for.
 * @property {(id: string) => void} [onDetails] asks for the details of a document
 * @property {string} [sender] who answers, as the page calls it: "kernel"
 */

/**
 * @typedef {object} ProgressView
 * @property {(delta: Delta) => void} update merges changed rows by their index
 * @property {(whole: Whole) => void} replace forgets what was known
 * @property {(details: Details) => void} details
 * @property {(answer: Answer) => void} acted
 * @property {(wall?: number) => void} beat says that the sender lives, since `wall`
 * @property {() => void} lose says that the sender is gone
 * @property {() => void} close undoes everything
 */

/** The height of a row, in pixels: rows are placed by multiplication. */
const ROW_HEIGHT = 28;

/** The most rows that are seen at once, unless somebody pulls at the corner. */
const ROWS_SHOWN = 14;

/** Rows beyond the edges that are drawn, so that scrolling never shows a gap. */
const OVERSCAN = 4;

/** Milliseconds without a word after which the sender is taken for gone. */
const SILENCE = 6000;

/** Milliseconds that rows keep their places after a pointer or a key moved there. */
const HOLD = 15_000;

/** Milliseconds after which a question that is not answered is mentioned. */
const PATIENCE = 3000;

/** Milliseconds that the answer to an action is shown. */
const NOTICE = 8000;

/** Milliseconds between two announcements to those who listen to the page. */
const ANNOUNCEMENTS = 10_000;

/** The most characters of a text that are laid out in a row; the title has more. */
const LONGEST_CELL = 300;

/** The most characters of a title, which browsers do not scroll. */
const LONGEST_TITLE = 6000;

/** Characters at the end of a long name that stay visible. */
const TAIL = 9;

/** @type {State[]} what asks for attention first, and what has come to rest last */
const ORDER = ["failed", "stalled", "processing", "queued", "cancelled", "completed"];

/** Milliseconds that a rate is shown: the eye cannot read ten a second. */
const RATE = 1000;

/** @type {Filter[]} */
const FILTERS = ["all", ...ORDER];

/** @type {Set<Filter>} those that are of interest even if there are none */
const ALWAYS_SHOWN = new Set(["all", "failed", "completed"]);

/** @type {Set<Filter>} likewise, as long as anything is still to come */
const SHOWN_MEANWHILE = new Set(["processing", "queued"]);

/** One shape for each state: colour alone says nothing to some people. */
const SHAPES = {
  queued: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 1.4a4.6 4.6 0 1 1 0 9.2 4.6 4.6 0 0 1 0-9.2Z",
  processing:
    "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm0 1.5a5 5 0 1 1 0 10A5 5 0 0 1 8 3Zm0 2a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
  stalled:
    "M8 1.2c.35 0 .66.19.83.5l6.2 11.4a.95.95 0 0 1-.83 1.4H1.8a.95.95 0 0 1-.83-1.4L7.17 1.7c.17-.31.48-.5.83-.5ZM7.2 5.6l.2 4.4h1.2l.2-4.4Zm.8 5.3a.9.9 0 1 0 0 1.8.9.9 0 0 0 0-1.8Z",
  completed:
    "M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2Zm3.1 3.9 1.1 1-4.9 5.5-3-2.8 1-1.1 1.9 1.7Z",
  failed:
    "M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2ZM5.7 4.6 4.6 5.7 6.9 8l-2.3 2.3 1.1 1.1L8 9.1l2.3 2.3 1.1-1.1L9.1 8l2.3-2.3-1.1-1.1L8 6.9Z",
  cancelled:
    "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3ZM4.9 7.25h6.2v1.5H4.9Z",
};

/** What the names of all classes but the root's begin with. */
const PREFIX = "dp-";

const CLOSE_SHAPE =
  "M3.7 2.6 8 6.9l4.3-4.3 1.1 1.1L9.1 8l4.3 4.3-1.1 1.1L8 9.1l-4.3 4.3-1.1-1.1L6.9 8 2.6 3.7Z";

const NUMBERS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/**
 * Begin to draw into `element`.
 *
 * @param {HTMLElement} element gets one child, which `close` takes away again
 * @param {Options} [options]
 * @returns {ProgressView}
 */
export function createProgressView(element, options = {}) {
  const { sender = "kernel" } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const knowledge = createKnowledge();
  const line = createLine();
  const unique = `docprogress-${Math.random().toString(36).slice(2)}`;

  /** @type {Map<number, {label: string, timer: number, targets: Map<string, Retried>}>} */
  const asked = new Map();
  let notice = { text: "", bad: false };
  let noticeTimer = 0;
  /** @type {Map<string, Retried>} the documents that the notice says are tried again */
  let retried = new Map();
  let frame = 0;
  /** @type {Filter} */
  let filter = "all";
  let query = "";
  let announced = { text: "", urgent: "", at: -Infinity };

  const header = createHeader({ signal, act, show, seek, reveal: open });
  const grid = createGrid({ signal, unique, open, dismiss, schedule });
  const panel = createPanel({ signal, act, dismiss, sender });
  const live = make("div", "hidden-text");
  live.setAttribute("role", "status");
  const root = make("div", "", header.element, grid.element, panel.element, live);
  root.className = "docprogress";
  root.dir = "ltr";
  root.setAttribute("role", "group");
  root.tabIndex = -1;
  suppressShortcuts(root);
  root.style.setProperty("--docprogress-row", `${ROW_HEIGHT}px`);
  root.style.setProperty("--docprogress-rows", String(ROWS_SHOWN));
  element.append(root);

  const clock = setInterval(() => {
    if (!document.hidden) schedule();
  }, 1000);
  document.addEventListener("visibilitychange", schedule, { signal });

  function schedule() {
    if (!frame && !signal.aborted) frame = requestAnimationFrame(draw);
  }

  function draw() {
    frame = 0;
    const { summary } = knowledge;
    const lost = line.lost();
    const now = line.now(summary);
    const picture = { knowledge, summary, lost, now, filter, query, notice, line };
    mark(root, "single", knowledge.single);
    mark(root, "stale", line.problem(summary) !== "");
    tell(root, "aria-label", plain(summary?.title ?? "") || "documents");
    header.draw(picture);
    grid.draw(picture, panel.opened);
    panel.draw(picture);
    announce(summary, line.problem(summary));
  }

  /**
   * @param {Summary | null} summary
   * @param {string} problem
   */
  function announce(summary, problem) {
    if (!summary) return;
    const text = [problem, notice.text, summary.text].filter(Boolean).join(". ");
    const urgent = [problem, notice.text, summary.finished, summary.counts.failed > 0].join();
    const due = performance.now() - announced.at > ANNOUNCEMENTS;
    if (text === announced.text || (!due && urgent === announced.urgent)) return;
    announced = { text, urgent, at: performance.now() };
    put(live, text);
  }

  /**
   * @param {Action} action
   * @param {string[] | null} ids
   */
  function act(action, ids) {
    const request = options.onAction?.(action, ids) ?? -1;
    if (request < 0) {
      say(`the ${sender} cannot be reached: nothing was done`, true);
      return;
    }
    const label = action === "cancel" ? "cancelling" : "retrying";
    const timer = setTimeout(() => {
      const gone = line.lost() ? " or gone" : "";
      say(`${label}: waiting for the ${sender}, which is busy${gone}`, false, Infinity);
    }, PATIENCE);
    const targets = action === "retry" ? toRetry(ids) : new Map();
    asked.set(request, { label, timer: Number(timer), targets });
    say(`${label} …`, false, Infinity);
  }

  /**
   * The documents that a retry is about, as they stand.
   *
   * @param {string[] | null} ids
   */
  function toRetry(ids) {
    /** @type {Map<string, Retried>} */
    const found = new Map();
    for (const { index, id, status, attempt } of knowledge.rows.values()) {
      const again = status === "failed" || status === "cancelled";
      if (again && (ids === null || ids.includes(id))) {
        found.set(id, { index, attempt, begun: false });
      }
    }
    return found;
  }

  /** Take a notice away that documents are tried again once all of them have ended. */
  function followRetried() {
    for (const { targets } of asked.values()) targets.forEach(look);
    if (!retried.size) return;
    retried.forEach(look);
    const rows = [...retried].map(([, { index }]) => knowledge.rows.get(index));
    const ended = [...retried.values()].every(({ begun }, at) => {
      const row = rows[at];
      return !row || (begun && isFinal(row.status));
    });
    if (ended) say("", false, Infinity);
  }

  /** @param {Retried} target */
  function look(target) {
    const row = knowledge.rows.get(target.index);
    if (!row) return;
    const later = (row.attempt ?? 0) > (target.attempt ?? 0);
    if (later || !isFinal(row.status)) target.begun = true;
  }

  /**
   * @param {string} text
   * @param {boolean} [bad]
   * @param {number} [milliseconds]
   */
  function say(text, bad = false, milliseconds = NOTICE) {
    clearTimeout(noticeTimer);
    notice = { text, bad };
    retried = new Map();
    if (Number.isFinite(milliseconds)) {
      noticeTimer = Number(setTimeout(() => say("", false, Infinity), milliseconds));
    }
    schedule();
  }

  /** @param {Filter} chosen */
  function show(chosen) {
    filter = filter === chosen ? "all" : chosen;
    grid.rearrange();
    schedule();
  }

  /** @param {string} text */
  function seek(text) {
    query = text.trim().toLocaleLowerCase();
    grid.rearrange();
    schedule();
  }

  /** @param {Row | undefined} [row] */
  function open(row = knowledge.sorted()[0]) {
    if (!row) return;
    if (panel.opened === row.id) {
      dismiss();
      return;
    }
    panel.open(row.id);
    ask(row.id);
    schedule();
  }

  /** @param {string} id */
  function ask(id) {
    panel.asking();
    options.onDetails?.(id);
  }

  function dismiss() {
    if (!panel.opened) return;
    const focused = panel.element.contains(document.activeElement);
    panel.close();
    if (focused) (knowledge.single ? root : grid.element).focus();
    schedule();
  }

  return {
    update(delta) {
      knowledge.update(delta);
      followRetried();
      line.beat();
      if (panel.outdated(knowledge)) ask(panel.opened);
      schedule();
    },
    replace(whole) {
      knowledge.replace(whole);
      followRetried();
      line.beat();
      if (panel.outdated(knowledge)) ask(panel.opened);
      schedule();
    },
    details(details) {
      panel.show(details);
      schedule();
    },
    acted(answer) {
      const question = asked.get(answer.request);
      if (!question) return;
      clearTimeout(question.timer);
      asked.delete(answer.request);
      say(answer.text, !answer.ok);
      if (answer.ok) retried = question.targets;
      followRetried();
    },
    beat(wall) {
      line.beat(wall);
      schedule();
    },
    lose() {
      line.lose();
      schedule();
    },
    close() {
      closing.abort();
      clearInterval(clock);
      clearTimeout(noticeTimer);
      for (const { timer } of asked.values()) clearTimeout(timer);
      asked.clear();
      cancelAnimationFrame(frame);
      grid.close();
      panel.close();
      root.remove();
    },
  };
}

/** @typedef {ReturnType<typeof createKnowledge>} Knowledge */
/** @typedef {ReturnType<typeof createLine>} Line */

/**
 * @typedef {object} Picture what there is to draw at one moment
 * @property {Knowledge} knowledge
 * @property {Summary | null} summary
 * @property {boolean} lost
 * @property {number} now where the clocks stand
 * @property {Filter} filter
 * @property {string} query
 * @property {{text: string, bad: boolean}} notice
 * @property {Line} line
 */

/** @type {Omit<Row, "index" | "id" | "name" | "status">} what a row may leave out */
const UNKNOWN = {
  step: "",
  progress: 0,
  message: "",
  error: null,
  attempt: null,
  attempts: null,
  current: null,
  total: null,
  unit: null,
  worker: null,
  elapsed: null,
  stalled: false,
  silent: null,
};

/** What was heard: the summary, and every row by its index. */
function createKnowledge() {
  /** @type {Map<number, Row>} */
  const rows = new Map();
  /** @type {Row[] | null} */
  let sorted = null;
  const knowledge = {
    /** @type {Summary | null} */
    summary: null,
    /** Grows whenever a row may have to stand elsewhere. */
    revision: 0,
    rows,
    /** The rows in the order in which they were submitted. */
    sorted() {
      sorted ??= [...rows.values()].sort((one, other) => one.index - other.index);
      return sorted;
    },
    get single() {
      return rows.size === 1 && (knowledge.summary?.total ?? 0) <= 1;
    },
    /** @param {Delta} delta */
    update({ summary, rows: changes }) {
      const now = performance.now();
      knowledge.summary = { ...summary, heardAt: summary.heardAt ?? now };
      for (const change of changes) {
        const known = rows.get(change.index);
        if (!known && !isWhole(change)) continue;
        const before = known && stateOf(known);
        const row = known ?? /** @type {Row} */ ({ ...UNKNOWN, ...change });
        if (known) Object.assign(known, change);
        else {
          rows.set(row.index, row);
          sorted = null;
        }
        anchor(row, change, now);
        if (before !== stateOf(row)) knowledge.revision += 1;
      }
    },
    /** @param {Whole} whole */
    replace(whole) {
      rows.clear();
      sorted = null;
      knowledge.revision += 1;
      knowledge.update(whole);
    },
  };
  return knowledge;
}

/**
 * Whether a change says all that is needed to draw a row that was not known.
 *
 * @param {Change} change
 * @returns {change is Row}
 */
function isWhole(change) {
  return change.id !== undefined && change.name !== undefined && change.status !== undefined;
}

/**
 * Say on the page's clock when the counting began.  What takes a little longer or
 * shorter to arrive does not make a clock jump.
 *
 * @param {Row} row
 * @param {Change} change
 * @param {number} now
 */
function anchor(row, change, now) {
  if (typeof change.elapsed === "number" && change.startedAt === undefined) {
    const started = now - change.elapsed * 1000;
    if (Math.abs((row.startedAt ?? -Infinity) - started) > 1000) row.startedAt = started;
  }
  if (typeof change.silent === "number" && change.silentFrom === undefined) {
    row.silentFrom = now - change.silent * 1000;
  }
}

/** The line to whoever tells: when it was last heard, and whether it still is. */
function createLine() {
  let heard = performance.now();
  // A monotonic clock may stand still while a machine sleeps, which the wall's does not.
  let heardWall = Date.now();
  /** @type {number | null} */
  let shown = null;
  let gone = false;
  /** @type {number | null} */
  let frozen = null;

  /** @param {Summary | null} summary */
  function over(summary) {
    return summary !== null && summary.finished;
  }

  const line = {
    beat(wall = Date.now()) {
      heard = performance.now();
      heardWall = Date.now();
      shown = wall;
      gone = false;
    },
    lose() {
      gone = true;
    },
    lost() {
      return gone || performance.now() - heard > SILENCE || Date.now() - heardWall > SILENCE;
    },
    /**
     * Where the clocks stand: they stop when nothing is heard.
     *
     * @param {Summary | null} summary
     */
    now(summary) {
      if (line.lost()) return heard;
      if (summary?.connected === false) frozen ??= performance.now();
      else frozen = null;
      return frozen ?? performance.now();
    },
    /**
     * What is wrong with the line, for a person; empty if it is well, or if what
     * is shown is final and cannot become wrong.
     *
     * @param {Summary | null} summary
     */
    problem(summary) {
      if (over(summary)) return "";
      if (line.lost()) {
        return shown === null
          ? "disconnected, nothing was heard yet"
          : `disconnected, last update ${timeOfDay(shown)}`;
      }
      if (summary?.connected === false) {
        const since = summary.lost_at ? ` since ${timeOfDay(Date.parse(summary.lost_at))}` : "";
        return `Redis is away${since}; the view is as of then`;
      }
      return "";
    },
  };
  return line;
}

/**
 * The run as a whole: how far, how long still, what is wrong, and the filters.
 *
 * @param {object} wiring
 * @param {AbortSignal} wiring.signal
 * @param {(action: Action, ids: string[] | null) => void} wiring.act
 * @param {(filter: Filter) => void} wiring.show
 * @param {(text: string) => void} wiring.seek
 * @param {() => void} wiring.reveal
 */
function createHeader({ signal, act, show, seek, reveal }) {
  const icon = makeIcon();
  const name = make("span", "name");
  const percent = make("strong", "percent");
  const left = make("span", "left");
  const title = make("span", "title");
  const elapsed = make("span", "elapsed");
  const pages = make("span", "pages");
  const documents = make("span", "documents");
  // In the order in which they are missed least where there is no room.
  const pace = make("span", "pace", elapsed, pages, documents);
  const cancel = makeButton("Cancel", signal, () => act("cancel", null));
  const retry = makeButton("Retry", signal, () => act("retry", null));
  const headline = make(
    "div",
    "headline",
    icon,
    name,
    percent,
    left,
    title,
    pace,
    retry,
    cancel,
  );

  const parts = {
    completed: make("div", "part completed"),
    failed: make("div", "part failed"),
    cancelled: make("div", "part cancelled"),
    stalled: make("div", "part stalled"),
    processing: make("div", "part processing"),
    queued: make("div", "part queued"),
  };
  const bar = make("div", "bar total", ...Object.values(parts));
  bar.setAttribute("role", "progressbar");
  bar.setAttribute("aria-label", "all documents");
  const scale = make("div", "scale");
  scale.setAttribute("aria-hidden", "true");

  const message = make("span", "message");
  const more = makeButton("Details", signal, reveal);
  const present = make("div", "present", message, more);

  const problem = make("p", "problem", makeIcon("stalled"), make("span"));
  const notice = make("p", "notice");

  const chips = FILTERS.map((each) => {
    const count = make("b", "count");
    const chip = makeButton("", signal, () => show(each));
    mark(chip, "chip", true);
    mark(chip, each, true);
    if (each !== "all") chip.append(makeIcon(each));
    chip.append(count, make("span", "", each));
    return { each, chip, count };
  });
  const search = document.createElement("input");
  search.type = "search";
  mark(search, "search", true);
  search.placeholder = "Filter names";
  search.setAttribute("aria-label", "filter documents by name");
  search.autocomplete = "off";
  search.spellcheck = false;
  suppressShortcuts(search);
  search.addEventListener("input", () => seek(search.value), { signal });
  const filters = make("div", "filters", ...chips.map(({ chip }) => chip));
  filters.setAttribute("role", "group");
  filters.setAttribute("aria-label", "filter documents by state");
  const tools = make("div", "tools", filters, search);

  let segments = "";
  let ratesUntil = -Infinity;
  let ratesOf = "";

  /** @param {Segment[]} steps */
  function drawScale(steps) {
    const key = JSON.stringify(steps);
    if (key === segments) return;
    segments = key;
    scale.replaceChildren(
      ...steps.map((step) => {
        const label = make("span", "segment", plain(step.name));
        label.style.left = `${step.from}%`;
        label.style.width = `${step.to - step.from}%`;
        return label;
      }),
    );
    element.parentElement?.style.setProperty("--docprogress-segments", mask(steps));
  }

  /** @param {Picture} picture */
  function draw({ knowledge, summary, lost, now, filter, notice: said, line }) {
    const row = knowledge.single ? knowledge.sorted()[0] : null;
    const trouble = line.problem(summary);
    put(/** @type {HTMLElement} */ (problem.lastChild), trouble);
    hide(problem, !trouble);
    put(notice, said.text);
    hide(notice, !said.text);
    mark(notice, "bad", said.bad);
    hide(tools, knowledge.single || !summary);
    hide(present, !row);
    hide(scale, !row);
    hide(bar, !summary);
    hide(name, !row);
    if (!summary) {
      setIcon(icon, "queued");
      put(percent, lost ? "" : "connecting …");
      hide(cancel, true);
      hide(retry, true);
      return;
    }
    drawScale(summary.steps ?? []);
    const { counts } = summary;
    const verdict = row ? stateOf(row) : verdictOf(summary);
    const until = summary.loading
      ? `${NUMBERS.format(summary.rows)} of ${NUMBERS.format(summary.total)} listed so far`
      : summary.finished
        ? ""
        : untilWhen(summary, now);
    setIcon(icon, verdict);
    tell(headline, "data-state", verdict);
    put(percent, headlineOf(summary, row));
    put(left, trouble ? "" : until);
    put(title, row ? "" : plain(summary.title));
    if (row) setName(name, row);
    put(elapsed, elapsedOf(summary, now));
    const shown = `${summary.finished} ${trouble}`;
    if (performance.now() >= ratesUntil || shown !== ratesOf) {
      ratesUntil = performance.now() + RATE;
      ratesOf = shown;
      put(pages, pagesOf(summary, trouble));
      put(documents, row || trouble ? "" : rateOf(summary.documents_per_second, "documents"));
    }

    const shares = row ? { [stateOf(row)]: row.progress / 100 } : sharesOf(summary);
    for (const [state, part] of Object.entries(parts)) {
      const share = shares[/** @type {State} */ (state)] ?? 0;
      style(part, "width", `${rounded(clamp(share, 0, 1) * 100)}%`);
      // One failure among thousands is seen, also of a document that was not begun.
      const ended = !row && (state === "failed" || state === "cancelled") && counts[state] > 0;
      hide(part, share === 0 && !ended);
    }
    mark(bar, "segmented", row !== null);
    const whole = row ? row.progress : percentage(summary.fraction);
    describe(bar, whole, [headlineOf(summary, row), until].filter(Boolean).join(", "));

    hide(cancel, !summary.actions || summary.finished || !summary.total);
    const again = counts.failed + counts.cancelled;
    hide(retry, !summary.actions || !again);
    put(retry, row ? "Retry" : retryLabel(counts));
    if (row) drawPresent(row, now);

    for (const { each, chip, count } of chips) {
      const many = countOf(summary, each);
      put(count, NUMBERS.format(many));
      tell(chip, "aria-pressed", each === filter);
      mark(chip, "none", !many);
      const wanted = ALWAYS_SHOWN.has(each) || (SHOWN_MEANWHILE.has(each) && !summary.finished);
      hide(chip, !many && !wanted && each !== filter);
    }
  }

  /**
   * @param {Row} row
   * @param {number} clock
   */
  function drawPresent(row, clock) {
    const said = [
      row.step && !isFinal(row.status) ? plain(row.step) : "",
      detailOf(row, clock),
    ];
    put(message, cut(said.filter(Boolean).join(" · "), LONGEST_CELL));
    tell(present, "data-state", stateOf(row));
    for (const label of scale.children) {
      const now = row.status !== "completed" && label.textContent === plain(row.step);
      mark(label, "now", now);
    }
  }

  const element = make("div", "header", headline, bar, scale, present, problem, notice, tools);
  return { element, draw };
}

/**
 * The documents: as many rows as can be seen, which are moved and filled.
 *
 * @param {object} wiring
 * @param {AbortSignal} wiring.signal
 * @param {string} wiring.unique
 * @param {(row: Row) => void} wiring.open
 * @param {() => void} wiring.dismiss
 * @param {() => void} wiring.schedule
 */
function createGrid({ signal, unique, open, dismiss, schedule }) {
  const titles = ["state", "document", "progress", "step", "message", "worker", "time"];
  const heading = make(
    "div",
    "hidden-text",
    ...titles.map((title) => withRole(make("span", "", title), "columnheader")),
  );
  heading.setAttribute("role", "row");
  heading.setAttribute("aria-rowindex", "1");
  const body = withRole(make("div", "rows", heading), "rowgroup");
  const nothing = make("p", "nothing");
  const element = make("div", "grid", body, nothing);
  element.setAttribute("role", "grid");
  element.setAttribute("aria-label", "documents");
  element.tabIndex = 0;
  suppressShortcuts(element);

  /** @type {ReturnType<typeof createSlot>[]} */
  let slots = [];
  /** @type {Row[]} */
  let order = [];
  let arranged = "";
  let revision = -1;
  let top = 0;
  let height = 0;
  let heldUntil = 0;
  /** @type {Row | null} */
  let active = null;

  element.addEventListener(
    "scroll",
    () => {
      top = element.scrollTop;
      schedule();
    },
    { signal, passive: true },
  );
  for (const event of ["pointermove", "pointerdown", "keydown", "wheel"]) {
    const hold = () => {
      heldUntil = performance.now() + HOLD;
    };
    element.addEventListener(event, hold, { signal, passive: true });
  }
  const release = () => {
    heldUntil = 0;
    schedule();
  };
  element.addEventListener("pointerleave", release, { signal });
  element.addEventListener("focusout", release, { signal });
  element.addEventListener("focusin", schedule, { signal });
  element.addEventListener(
    "click",
    (event) => {
      const row = slots.find((slot) =>
        slot.element.contains(/** @type {Node} */ (event.target)),
      )?.row;
      if (!row) return;
      active = row;
      open(row);
    },
    { signal },
  );
  element.addEventListener("keydown", pressed, { signal });
  const observer = new ResizeObserver(() => {
    height = element.clientHeight;
    // What was taken out of the page, and put back, has forgotten it.
    top = element.scrollTop;
    schedule();
  });
  observer.observe(element);

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(Math.floor(height / ROW_HEIGHT) - 1, 1);
    const at = active ? order.indexOf(active) : -1;
    /** @type {Record<string, number>} */
    const moves = {
      ArrowDown: at + 1,
      ArrowUp: Math.max(at, 1) - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: order.length - 1,
    };
    if (event.key in moves) move(moves[event.key]);
    else if ((event.key === "Enter" || event.key === " ") && active) open(active);
    else if (event.key === "Escape") dismiss();
    else return;
    event.preventDefault();
  }

  /** @param {number} position */
  function move(position) {
    const at = clamp(position, 0, order.length - 1);
    active = order[at] ?? null;
    const above = at * ROW_HEIGHT;
    if (above < top) element.scrollTop = above;
    else if (above + ROW_HEIGHT > top + height) element.scrollTop = above + ROW_HEIGHT - height;
    top = element.scrollTop;
    schedule();
  }

  /** @param {Picture} picture */
  function arrange({ knowledge, filter, query }) {
    const wanted = `${filter} ${query}`;
    const sorted = knowledge.sorted();
    const same = wanted === arranged && order.length > 0;
    if (same && revision === knowledge.revision) return;
    // Nothing moves away under a pointer.  Rows that are not known any more do.
    const known = same && knowledge.rows.get(order[0].index) === order[0];
    if (known && performance.now() < heldUntil) return;
    if (wanted !== arranged) element.scrollTop = top = 0;
    arranged = wanted;
    revision = knowledge.revision;
    order = arrangement(sorted, filter, query);
    if (active) active = knowledge.rows.get(active.index) ?? null;
  }

  /**
   * @param {Picture} picture
   * @param {string} opened
   */
  function draw(picture, opened) {
    const { knowledge, now, summary } = picture;
    hide(element, knowledge.single || !summary);
    if (element.hidden) return;
    arrange(picture);
    const long = order.length > ROWS_SHOWN;
    mark(element, "long", long);
    style(element, "max-height", long ? `${order.length * ROW_HEIGHT}px` : "none");
    style(body, "height", `${order.length * ROW_HEIGHT}px`);
    tell(element, "aria-rowcount", order.length + 1);
    put(nothing, order.length ? "" : emptiness(picture));
    hide(nothing, order.length > 0);

    const seen = Math.ceil((height || ROWS_SHOWN * ROW_HEIGHT) / ROW_HEIGHT) + 1;
    const size = Math.min(seen + 2 * OVERSCAN, order.length);
    while (slots.length < size) {
      const slot = createSlot(`${unique}-${slots.length}`);
      slots.push(slot);
      body.append(slot.element);
    }
    for (const slot of slots.splice(size)) slot.element.remove();
    const first = clamp(Math.floor(top / ROW_HEIGHT) - OVERSCAN, 0, order.length - size);
    let pointed = "";
    for (let position = first; position < first + size; position += 1) {
      const row = order[position];
      const slot = slots[position % size];
      slot.draw(row, position, now);
      mark(slot.element, "active", row === active);
      tell(slot.element, "aria-selected", row.id === opened);
      if (row === active) pointed = slot.element.id;
    }
    if (pointed) tell(element, "aria-activedescendant", pointed);
    else element.removeAttribute("aria-activedescendant");
  }

  return {
    element,
    draw,
    rearrange() {
      heldUntil = 0;
    },
    close() {
      observer.disconnect();
      slots = [];
      order = [];
    },
  };
}

/**
 * The rows that are wanted, in the order in which they are shown.
 *
 * What fits stays in the order in which it was submitted, below what has failed:
 * nothing moves that need not.  What does not fit is ordered by the attention it
 * asks for, or those that run would be far below those that have ended.
 *
 * @param {Row[]} sorted
 * @param {Filter} filter
 * @param {string} query
 * @returns {Row[]}
 */
export function arrangement(sorted, filter, query) {
  const fits = sorted.length <= ROWS_SHOWN;
  /** @type {Row[][]} */
  const groups = ORDER.map(() => []);
  for (const row of sorted) {
    const state = stateOf(row);
    if (!isWanted(row, state, filter)) continue;
    if (query && !row.name.toLocaleLowerCase().includes(query)) continue;
    groups[fits && state !== "failed" ? 1 : ORDER.indexOf(state)].push(row);
  }
  return groups.flat();
}

/**
 * @param {Row} row
 * @param {State} state
 * @param {Filter} filter
 */
function isWanted(row, state, filter) {
  return filter === "all" || state === filter || row.status === filter;
}

/**
 * One row of the pool: drawn again for whichever document comes to stand there.
 *
 * @param {string} id
 */
function createSlot(id) {
  const icon = makeIcon();
  const state = withRole(make("div", "state", icon), "gridcell");
  const name = withRole(make("div", "name"), "gridcell");
  const fill = make("div", "fill");
  const bar = make("div", "bar segmented", fill);
  bar.setAttribute("role", "progressbar");
  const percent = make("span", "percent");
  const progress = withRole(make("div", "progress", bar, percent), "gridcell");
  const step = withRole(make("div", "step"), "gridcell");
  const number = make("span");
  const attempt = make("span", "attempt", make("span", "word", "attempt "), number);
  const said = make("span", "said");
  said.dir = "auto";
  const message = withRole(make("div", "message", attempt, said), "gridcell");
  const worker = withRole(make("div", "worker"), "gridcell");
  const time = withRole(make("div", "time"), "gridcell");
  const element = make("div", "row", state, name, progress, step, message, worker, time);
  element.setAttribute("role", "row");
  element.id = id;

  const slot = {
    element,
    /** @type {Row | null} */
    row: null,
    /**
     * @param {Row} row
     * @param {number} position
     * @param {number} now
     */
    draw(row, position, now) {
      const what = stateOf(row);
      slot.row = row;
      style(element, "transform", `translateY(${position * ROW_HEIGHT}px)`);
      tell(element, "aria-rowindex", position + 2);
      tell(element, "data-state", what);
      setIcon(icon, what);
      tell(state, "aria-label", what);
      setName(name, row);
      const share = clamp(row.progress, 0, 100);
      style(fill, "transform", `translateX(${rounded(share - 100)}%)`);
      const shown = what === "queued" ? "" : percentOf(row);
      put(percent, shown);
      describe(bar, share, `${what}, ${percentOf(row)}`);
      tell(bar, "aria-label", cut(nameOf(row), 80));
      const text = detailOf(row, now);
      put(said, cut(text, LONGEST_CELL));
      hover(message, what === "failed" ? wordsOf(row) : text);
      put(number, attemptOf(row));
      hide(attempt, !number.textContent);
      const named = row.status === "processing" || row.status === "failed";
      put(step, named ? cut(plain(row.step), 60) : "");
      put(worker, cut(plain(row.worker ?? ""), 60));
      put(time, timeOf(row, now));
    },
  };
  return slot;
}

/**
 * All that is known of one document.
 *
 * @param {object} wiring
 * @param {AbortSignal} wiring.signal
 * @param {(action: Action, ids: string[] | null) => void} wiring.act
 * @param {() => void} wiring.dismiss
 * @param {string} wiring.sender
 */
function createPanel({ signal, act, dismiss, sender }) {
  const icon = makeIcon();
  const name = make("h3", "name");
  name.dir = "auto";
  suppressShortcuts(name);
  const cancel = makeButton("Cancel", signal, () => act("cancel", [panel.opened]));
  const retry = makeButton("Retry", signal, () => act("retry", [panel.opened]));
  const close = makeButton("", signal, dismiss);
  mark(close, "close", true);
  close.setAttribute("aria-label", "close the details");
  close.append(makeSvg(CLOSE_SHAPE));
  const head = make("div", "head", icon, name, retry, cancel, close);
  const facts = make("p", "facts");
  const words = make("p", "words");
  words.dir = "auto";
  suppressShortcuts(words);

  const reason = make("div", "reason");
  reason.dir = "auto";
  reason.tabIndex = 0;
  reason.setAttribute("role", "group");
  reason.setAttribute("aria-label", "error");
  suppressShortcuts(reason);
  const copy = makeButton("Copy", signal, copyReason);
  const error = make("div", "error", reason, copy);

  const timeline = make("div", "timeline");
  const history = make("div", "history");
  history.tabIndex = 0;
  history.setAttribute("role", "group");
  history.setAttribute("aria-label", "history");
  suppressShortcuts(history);
  const waiting = make("p", "waiting");
  const element = make("div", "panel", head, facts, words, error, waiting, timeline, history);
  element.setAttribute("role", "group");
  element.hidden = true;
  element.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape") dismiss();
    },
    { signal },
  );

  /** @type {Details | null} */
  let details = null;
  let askedAt = 0;
  let pending = false;
  let asOf = "";
  let whole = "";
  let copyTimer = 0;

  async function copyReason() {
    const copied = await copyText(whole, reason);
    if (signal.aborted) return;
    clearTimeout(copyTimer);
    put(copy, copied ? "Copied" : "Select it and press Ctrl+C");
    copyTimer = Number(setTimeout(() => put(copy, "Copy"), 2000));
  }

  /** @param {Row} row */
  function momentOf(row) {
    return `${row.status} ${row.step} ${row.attempt}`;
  }

  /**
   * @param {Knowledge} knowledge
   * @returns {Row | undefined}
   */
  function find(knowledge) {
    return knowledge.sorted().find((row) => row.id === panel.opened);
  }

  const panel = {
    element,
    opened: "",
    /** @param {string} id */
    open(id) {
      panel.opened = id;
      details = null;
      asOf = "";
      timeline.replaceChildren();
      history.replaceChildren();
    },
    asking() {
      askedAt = performance.now();
      pending = true;
    },
    /**
     * Whether the document has moved on since its details were asked for.
     *
     * @param {Knowledge} knowledge
     */
    outdated(knowledge) {
      if (!panel.opened || performance.now() - askedAt < 1000) return false;
      const row = find(knowledge);
      if (!row || momentOf(row) === asOf) return false;
      asOf = momentOf(row);
      return true;
    },
    /** @param {Details} told */
    show(told) {
      if (told.id !== panel.opened) return;
      details = told;
      pending = false;
      asOf ||= momentOf(told.row);
      timeline.replaceChildren(...timelineOf(told));
      history.replaceChildren(historyOf(told));
    },
    /** @param {Picture} picture */
    draw({ knowledge, summary, now }) {
      const row = panel.opened ? find(knowledge) : undefined;
      hide(element, !row);
      if (!row) return;
      const state = stateOf(row);
      asOf ||= momentOf(row);
      tell(element, "data-state", state);
      tell(element, "aria-label", `details of ${cut(nameOf(row), 80)}`);
      setIcon(icon, state);
      const told = details?.row;
      const full = {
        ...row,
        name: wholeOf(row.name, told?.name),
        message: wholeOf(row.message, told?.message),
      };
      putScrolled(name, nameOf(full));
      putScrolled(words, row.status === "failed" ? "" : detailOf(full, now));
      hide(words, !words.textContent);
      hide(cancel, !summary?.actions || isFinal(row.status));
      hide(retry, !summary?.actions || !["failed", "cancelled"].includes(row.status));
      put(facts, factsOf(row, now).join(" · "));
      const ended = told?.attempt === row.attempt ? told.error : null;
      whole = row.error ? (ended ?? row.error) : "";
      put(reason, visible(whole));
      hide(error, !whole);
      const patient = pending && performance.now() - askedAt > PATIENCE;
      const busy = `waiting for the ${sender}, which is busy`;
      const note = patient ? busy : (details?.problem ?? "");
      put(waiting, note || (details ? "" : "…"));
      hide(waiting, !waiting.textContent);
      hide(timeline, !timeline.childElementCount);
      hide(history, !details?.history.length);
    },
    close() {
      clearTimeout(copyTimer);
      panel.opened = "";
      details = null;
      hide(element, true);
    },
  };
  return panel;
}

/**
 * The steps of a document, one below the other, each beginning where the last ended.
 *
 * @param {Details} details
 * @returns {HTMLElement[]}
 */
function timelineOf({ steps }) {
  if (steps.every((step) => step.seconds === null)) return [];
  const all = steps.reduce((sum, step) => sum + (step.seconds ?? 0), 0) || 1;
  let begun = 0;
  return steps.map((step) => {
    const seconds = step.seconds ?? 0;
    const span = make("div", "span");
    span.hidden = !seconds;
    span.style.marginInlineStart = `${rounded((begun / all) * 100)}%`;
    span.style.width = `${rounded((seconds / all) * 100)}%`;
    begun += seconds;
    const took = step.seconds === null ? [] : [duration(step.seconds)];
    if (step.pages) took.push(plural(step.pages, "page"));
    if (step.attempt && step.attempt > 1) took.push(`attempt ${step.attempt}`);
    return make(
      "div",
      "timed",
      make("span", "step", plain(step.name)),
      make("div", "lane", span),
      make("span", "took", took.join(" · ")),
    );
  });
}

/**
 * What happened to a document, newest first: that is what is looked for.
 *
 * @param {Details} details
 */
function historyOf({ history }) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const title of ["time", "attempt", "state", "step", "%", "message"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = title;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const event of [...history].reverse()) {
    const line = body.insertRow();
    line.dataset.state = event.status;
    for (const text of [
      timeOfDay(Date.parse(event.timestamp)),
      event.attempt === null ? "" : String(event.attempt),
      event.status,
      cut(plain(event.step), 60),
      String(Math.floor(event.progress)),
    ]) {
      line.insertCell().textContent = text;
    }
    const message = line.insertCell();
    message.dir = "auto";
    message.textContent = cut(plain(event.error || event.message), 1000);
  }
  return table;
}

/**
 * @param {Row} row
 * @returns {State}
 */
function stateOf(row) {
  return row.status === "processing" && row.stalled ? "stalled" : row.status;
}

/** @param {Row} row */
function nameOf(row) {
  return plain(row.name) || "(no name)";
}

/** @param {Status} status */
function isFinal(status) {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/**
 * How the run is, in one state.
 *
 * @param {Summary} summary
 * @returns {State}
 */
function verdictOf({ counts, finished, stalled }) {
  if (!finished) {
    if (stalled && stalled >= counts.processing) return "stalled";
    return counts.processing || counts.completed ? "processing" : "queued";
  }
  if (counts.failed) return "failed";
  return counts.cancelled ? "cancelled" : "completed";
}

/**
 * How far it is, or how it ended.
 *
 * @param {Summary} summary
 * @param {Row | null} row the only document there is
 */
function headlineOf(summary, row) {
  if (row) return isFinal(row.status) ? row.status : percentOf(row);
  const { counts, finished, fraction, total } = summary;
  if (!total) return "no documents";
  if (!finished) return `${percentage(fraction)} %`;
  const all = plural(total, "document");
  if (counts.failed) return `${NUMBERS.format(counts.failed)} of ${all} failed`;
  if (counts.cancelled) return `${NUMBERS.format(counts.cancelled)} of ${all} cancelled`;
  return total === 1 ? "completed" : `all ${NUMBERS.format(total)} documents completed`;
}

/**
 * How long it will still take, or why nobody knows.
 *
 * @param {Summary} summary
 * @param {number} now
 */
function untilWhen(summary, now) {
  const { counts, stalled, remaining: seconds, heardAt, total, sending, waiting } = summary;
  if (!total) return "";
  if (sending) {
    const [sent, all] = [NUMBERS.format(sending.sent), NUMBERS.format(sending.total)];
    return sending.total === 1 ? "sending the file" : `sending files: ${sent} of ${all} sent`;
  }
  if (!counts.processing) return waiting ?? "waiting for a worker";
  if (stalled >= counts.processing) return "stalled";
  if (seconds === null) return remaining(null);
  return remaining(Math.max(seconds - (now - (heardAt ?? now)) / 1000, 0));
}

/**
 * @param {number | null} perSecond
 * @param {string} noun
 */
function rateOf(perSecond, noun) {
  return perSecond ? rate(perSecond, noun) : "";
}

/**
 * How fast pages are read, or how many were.
 *
 * @param {Summary} summary
 * @param {string} trouble
 */
function pagesOf({ finished, pages, pages_per_second }, trouble) {
  if (finished) return pages ? plural(pages, "page") : "";
  return trouble ? "" : rateOf(pages_per_second, "pages");
}

/**
 * @param {Summary} summary
 * @param {number} now
 */
function elapsedOf({ elapsed, finished, heardAt }, now) {
  if (elapsed === null) return "";
  const since = finished ? 0 : Math.max(now - (heardAt ?? now), 0) / 1000;
  return stopwatch(elapsed + since);
}

/**
 * The work that documents have done: of all, and of those of each status.
 *
 * @param {Iterable<{status: Status, progress: number}>} documents
 * @returns {Pick<Summary, "fraction" | "shares">}
 */
export function workOf(documents) {
  const work = { queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  let total = 0;
  for (const { status, progress } of documents) {
    work[status] += status === "completed" ? 100 : progress;
    total += 100;
  }
  const done = Object.values(work).reduce((sum, each) => sum + each, 0);
  const shares = { ...work };
  for (const status of /** @type {Status[]} */ (Object.keys(work))) {
    shares[status] = total ? work[status] / total : 0;
  }
  return { fraction: total ? done / total : 0, shares };
}

/**
 * What each state takes of the bar of the run: the work that its documents have done.
 *
 * @param {Summary} summary
 * @returns {Partial<Record<State, number>>}
 */
function sharesOf({ counts, shares, stalled }) {
  const { processing, ...rest } = shares;
  const dead = stalled > 0 && stalled >= counts.processing;
  return { ...rest, [dead ? "stalled" : "processing"]: processing };
}

/**
 * @param {Summary} summary
 * @param {Filter} filter
 */
function countOf({ counts, stalled, total }, filter) {
  if (filter === "all") return total;
  return filter === "stalled" ? stalled : counts[filter];
}

/** @param {Record<Status, number>} counts */
function retryLabel({ failed, cancelled }) {
  if (failed && cancelled) return `Retry ${NUMBERS.format(failed + cancelled)}`;
  return failed
    ? `Retry ${NUMBERS.format(failed)} failed`
    : `Retry ${NUMBERS.format(cancelled)} cancelled`;
}

/**
 * Why there is no row to be seen.
 *
 * @param {Picture} picture
 */
function emptiness({ knowledge, filter, query }) {
  if (!knowledge.rows.size) return "no documents yet";
  const what = filter === "all" ? "document" : `${filter} document`;
  return query ? `no ${what} with “${query}” in its name` : `no ${what}`;
}

/**
 * What a document is at, or why it is not.
 *
 * @param {Row} row
 * @param {number} now
 */
function detailOf(row, now) {
  const state = stateOf(row);
  const words = wordsOf(row);
  if (state === "stalled") {
    const silent = Math.max(now - (row.silentFrom ?? now), 0) / 1000;
    const since = row.silentFrom === undefined ? "" : ` for ${stopwatch(silent)}`;
    return `stalled${since}${words ? `, after “${words}”` : ""}`;
  }
  if (state === "failed") return words || "no reason was given";
  if (
    words.toLocaleLowerCase() !== state &&
    words.toLocaleLowerCase() !== row.step.toLocaleLowerCase()
  ) {
    return words;
  }
  if (state === "processing" && row.current !== null && row.total) {
    return `${plain(row.unit ?? "")} ${row.current} of ${row.total}`.trim();
  }
  return "";
}

/**
 * A document's message, or its error, without what stands beside it anyway.
 *
 * @param {Row} row
 */
function wordsOf(row) {
  let text = plain((row.status === "failed" && row.error) || row.message || "");
  for (const prefix of [`${plain(row.name)}:`, `${row.status}:`]) {
    const begins = text.slice(0, prefix.length).toLocaleLowerCase();
    if (begins === prefix.toLocaleLowerCase()) text = text.slice(prefix.length).trimStart();
  }
  return text;
}

/**
 * Which attempt it is, if that is worth a word.
 *
 * @param {Row} row
 */
function attemptOf({ attempt, attempts, status }) {
  if (attempt === null || attempt <= 1 || status === "completed") return "";
  return attempts ? `${attempt} of ${attempts}` : String(attempt);
}

/**
 * @param {Row} row
 * @param {number} now
 */
function timeOf(row, now) {
  if (row.status === "queued" || row.elapsed === null) return "";
  const seconds = secondsOf(row, now);
  return isFinal(row.status) && seconds < 59.95 ? duration(seconds) : stopwatch(seconds);
}

/**
 * @param {Row} row
 * @param {number} now
 */
function secondsOf(row, now) {
  if (row.status !== "processing" || row.startedAt === undefined) return row.elapsed ?? 0;
  return Math.max(now - row.startedAt, 0) / 1000;
}

/**
 * @param {Row} row
 * @param {number} now
 */
function factsOf(row, now) {
  const facts = [row.status, percentOf(row)];
  if (row.step) facts.push(cut(plain(row.step), LONGEST_CELL));
  if (row.attempt !== null) {
    facts.push(
      row.attempts ? `attempt ${row.attempt} of ${row.attempts}` : `attempt ${row.attempt}`,
    );
  }
  if (row.elapsed !== null) facts.push(duration(secondsOf(row, now)));
  for (const text of [row.worker, row.id]) {
    if (text) facts.push(cut(plain(text), LONGEST_CELL));
  }
  return facts;
}

/**
 * The whole of a text that a row has only the beginning of, if that is what was told.
 *
 * @param {string} text
 * @param {string | undefined} told
 */
function wholeOf(text, told) {
  return told?.startsWith(text.replace(/…$/, "")) ? told : text;
}

/**
 * A percentage that is 100 only when everything is done.
 *
 * @param {Row} row
 */
function percentOf({ progress, status }) {
  return `${status === "completed" ? 100 : Math.floor(clamp(progress, 0, 99.9))} %`;
}

/**
 * A share of 1 in per cent, which is 100 only when everything is done.
 *
 * @param {number} share
 */
function percentage(share) {
  // Without the small amount, 0.29 would be 28 %.
  return share >= 1 ? 100 : clamp(Math.floor(share * 100 + 1e-9), 0, 99);
}

/** @param {number} seconds */
export function stopwatch(seconds) {
  const whole = Math.floor(seconds);
  const pad = (/** @type {number} */ number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours
    ? `${hours}:${pad(minutes)}:${pad(whole % 60)}`
    : `${minutes}:${pad(whole % 60)}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  /** @type {[number, string, number, string][]} */
  const units = [
    [86400, "d", 3600, "h"],
    [3600, "h", 60, "min"],
    [60, "min", 1, "s"],
  ];
  for (const [unit, name, smaller, smallName] of units) {
    if (whole < unit) continue;
    const rest = Math.floor((whole % unit) / smaller);
    const many = `${Math.floor(whole / unit)} ${name}`;
    return rest ? `${many} ${rest} ${smallName}` : many;
  }
  return `${whole} s`;
}

/**
 * What is left, no more exactly than anybody can know.
 *
 * @param {number | null} seconds
 */
export function remaining(seconds) {
  if (seconds === null) return "time left unknown";
  if (seconds < 5) return "a few seconds left";
  if (seconds < 57.5) return `about ${Math.round(seconds / 5) * 5} s left`;
  const minutes = Math.round(seconds / 60);
  // From ten minutes on, five are close enough.
  const said = minutes >= 10 ? Math.round(minutes / 5) * 5 : Math.max(minutes, 1);
  return `about ${duration(said * 60)} left`;
}

/**
 * A rate in the unit of time that makes it readable.
 *
 * @param {number} perSecond
 * @param {string} noun
 */
export function rate(perSecond, noun) {
  let value = perSecond;
  let unit = "s";
  for (const longer of ["min", "h"]) {
    if (value >= 0.95) break;
    value *= 60;
    unit = longer;
  }
  return `${value >= 9.95 ? NUMBERS.format(value) : value.toFixed(1)} ${noun}/${unit}`;
}

/**
 * @param {number} count
 * @param {string} noun
 */
function plural(count, noun) {
  return `${NUMBERS.format(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** @param {number} wall */
function timeOfDay(wall) {
  if (!Number.isFinite(wall)) return "an unknown time";
  const date = new Date(wall);
  const pad = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(":");
}

/**
 * Somebody else's text as one line that turns no direction of what stands beside it.
 *
 * @param {string} text
 */
export function plain(text) {
  return visible(text.slice(0, LONGEST_TITLE)).replace(/\s+/gu, " ").trim();
}

/**
 * The text, with what cannot be seen shown as such; its lines are kept.
 *
 * @param {string} text
 */
function visible(text) {
  return text
    .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\ufffd")
    .replace(/[^\P{Cc}\t\n\v\f\r]|\p{Cs}/gu, "\ufffd");
}

/**
 * @param {string} text
 * @param {number} longest
 */
function cut(text, longest) {
  if (text.length <= longest) return text;
  // Not between the two halves of a character.
  return `${text
    .slice(0, longest)
    .replace(/[\ud800-\udbff]$/, "")
    .trimEnd()}…`;
}

/**
 * Show a name whose end stays visible where its middle has no room.  Only names of
 * plain letters are taken apart: others are shaped, or run the other way.
 *
 * @param {HTMLElement} element
 * @param {Row} row
 */
function setName(element, row) {
  const name = nameOf(row);
  if (element.title === name) return;
  element.title = name;
  const parts =
    name.length > 2 * TAIL && /^[\x20-\x7e]+$/.test(name)
      ? [name.slice(0, LONGEST_CELL - TAIL).slice(0, -TAIL), name.slice(-TAIL)]
      : [cut(name, LONGEST_CELL), ""];
  const spans = parts.map((part) => make("span", "", part));
  for (const span of spans) span.dir = "auto";
  element.replaceChildren(...(parts[1] ? spans : spans.slice(0, 1)));
}

/**
 * A mask that cuts the gaps between steps out of a bar.
 *
 * @param {Segment[]} steps
 */
function mask(steps) {
  if (steps.length < 2) return "none";
  const gaps = steps
    .slice(1)
    .map(({ from }) => `#000 calc(${from}% - 1px), transparent 0 calc(${from}% + 1px), #000 0`);
  return `linear-gradient(to right, ${gaps.join(", ")})`;
}

/**
 * @param {string} text
 * @param {HTMLElement} shown where it stands, to be selected if nothing else works
 */
async function copyText(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // There is no clipboard without a secure origin, or without leave to use it.
    getSelection()?.selectAllChildren(shown);
    return document.execCommand("copy");
  }
}

/**
 * @param {string} tag
 * @param {string} [className]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  for (const name of className.split(" ").filter(Boolean)) mark(element, name, true);
  element.append(...children);
  return element;
}

/**
 * @param {string} label
 * @param {AbortSignal} signal
 * @param {() => unknown} pressed
 */
function makeButton(label, signal, pressed) {
  const button = document.createElement("button");
  button.type = "button";
  mark(button, "button", true);
  button.textContent = label;
  suppressShortcuts(button);
  button.addEventListener("click", () => pressed(), { signal });
  return button;
}

/** @param {string} shape */
function makeSvg(shape) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", shape);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

/** @param {State} [state] */
function makeIcon(state = "queued") {
  const icon = make("span", "icon", makeSvg(SHAPES[state]));
  icon.dataset.state = state;
  return icon;
}

/**
 * @param {HTMLElement} icon
 * @param {State} state
 */
function setIcon(icon, state) {
  if (icon.dataset.state === state) return;
  icon.dataset.state = state;
  icon.querySelector("path")?.setAttribute("d", SHAPES[state]);
}

/**
 * @template {HTMLElement} T
 * @param {T} element
 * @param {string} role
 */
function withRole(element, role) {
  element.setAttribute("role", role);
  return element;
}

/**
 * JupyterLab takes keys for its own before an element hears of them, unless the
 * focused element itself says otherwise.
 *
 * @param {HTMLElement} element
 */
function suppressShortcuts(element) {
  element.setAttribute("data-lm-suppress-shortcuts", "true");
}

/**
 * Set an element's text, if it is another one, and say whether it was.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
function put(element, text) {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}

/**
 * Set the text of an element that scrolls if it has to, and can be reached then.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
function putScrolled(element, text) {
  if (put(element, text)) {
    element.tabIndex = element.scrollHeight > element.clientHeight ? 0 : -1;
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} text
 */
function hover(element, text) {
  if (element.title !== text) element.title = text;
}

/**
 * @param {Element} element
 * @param {string} attribute
 * @param {string | number | boolean} value
 */
function tell(element, attribute, value) {
  const text = String(value);
  if (element.getAttribute(attribute) !== text) element.setAttribute(attribute, text);
}

/**
 * Give or take a class, under a name that no other style sheet of the page knows.
 *
 * @param {Element} element
 * @param {string} name
 * @param {boolean} marked
 */
function mark(element, name, marked) {
  const className = `${PREFIX}${name}`;
  if (element.classList.contains(className) !== marked) {
    element.classList.toggle(className, marked);
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} property
 * @param {string} value as the browser says it
 */
function style(element, property, value) {
  if (element.style.getPropertyValue(property) !== value) {
    element.style.setProperty(property, value);
  }
}

/**
 * @param {HTMLElement} bar
 * @param {number} percent
 * @param {string} text
 */
function describe(bar, percent, text) {
  tell(bar, "aria-valuenow", Math.floor(clamp(percent, 0, 100)));
  tell(bar, "aria-valuetext", text);
}

/**
 * Hide an element, and keep the keyboard's focus in the view if it was there.
 *
 * @param {HTMLElement} element
 * @param {boolean} hidden
 */
function hide(element, hidden) {
  if (element.hidden === hidden) return;
  const focused = hidden && element.contains(document.activeElement);
  element.hidden = hidden;
  if (focused) /** @type {HTMLElement | null} */ (element.closest(".docprogress"))?.focus();
}

/**
 * A number with two decimals at most, as a style sheet says it.
 *
 * @param {number} value
 */
function rounded(value) {
  return Number(value.toFixed(2));
}

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
function clamp(value, least, most) {
  return Math.max(least, Math.min(value, most));
}

/**
 * The part of anywidget's model that is used.
 *
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(event: string, callback: (...values: any[]) => void) => void} on
 * @property {(event: string, callback?: ((...values: any[]) => void) | null) => void} off
 * @property {(content: object) => void} send
 */

/** Milliseconds after which the whole is asked for once more; doubled each time. */
const ASK_AGAIN = 1000;

/** The longest that the doubling goes: a kernel that is busy hears all at once. */
const ASK_SELDOM = 60_000;

/** Milliseconds since the epoch, by a clock that does not jump. */
function present() {
  return performance.timeOrigin + performance.now();
}

/**
 * What the views of one model show, kept true by the messages of the kernel.
 *
 * Everything that is sent is a hint: what is shown is right, if later, when none
 * of it arrives.
 *
 * @param {Model} model
 */
function createFeed(model) {
  /** @type {Set<ProgressView>} */
  const views = new Set();
  const knowledge = createKnowledge();
  let session = "";
  let seq = -1;
  let heard = Date.now();
  let requests = 0;
  let frame = 0;
  let timer = 0;
  let asked = false;
  let incomplete = false;
  let askAgainAt = -Infinity;
  let patience = ASK_AGAIN;
  /** Tells this page from another one that shows the same, by a clock of its own. */
  const page = Math.random().toString(36).slice(2);

  /** @param {object} content */
  function send(content) {
    try {
      model.send(content);
      return true;
    } catch {
      // The comm is gone, and with it whoever could be told.
      return false;
    }
  }

  function ask() {
    incomplete = true;
    if (performance.now() < askAgainAt) return;
    askAgainAt = performance.now() + patience;
    patience = Math.min(patience * 2, ASK_SELDOM);
    send({ type: "whole" });
  }

  /** @param {boolean} [ask] whether what is drawn now is to be acknowledged */
  function acknowledge(ask = true) {
    asked ||= ask;
    if (!asked || frame || !views.size) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      asked = false;
      const drawn = { type: "painted", session, seq, page };
      timer = Number(setTimeout(() => send({ ...drawn, at: present() }), 0));
    });
  }

  /** @param {Whole & {session: string, seq: number, at: string}} whole */
  function take(whole) {
    ({ session, seq } = whole);
    knowledge.replace(whole);
    incomplete = false;
    patience = ASK_AGAIN;
    for (const view of views) view.replace(known());
    acknowledge();
  }

  /** @param {Delta & {session: string, seq: number, ack?: boolean}} delta */
  function merge(delta) {
    if (delta.session === session && delta.seq <= seq) return;
    const gap = delta.session !== session || delta.seq !== seq + 1;
    const anew = delta.session !== session;
    ({ session, seq } = delta);
    if (anew) knowledge.replace({ summary: delta.summary, rows: [] });
    knowledge.update(delta);
    for (const view of views) {
      if (anew) view.replace(known());
      else view.update(delta);
    }
    if (gap || incomplete || knowledge.rows.size < delta.summary.rows) ask();
    acknowledge(delta.ack);
  }

  /** @returns {Whole} */
  function known() {
    return {
      summary: /** @type {Summary} */ (knowledge.summary),
      rows: knowledge.sorted(),
    };
  }

  /** @param {any} content */
  function hear(content) {
    heard = Date.now();
    if (content.type === "clock") {
      send({ type: "clock", request: content.request, page, at: present() });
    } else if (content.type === "whole") take(content);
    else if (content.type === "delta") merge(content);
    else if (content.type === "details") for (const view of views) view.details(content);
    else if (content.type === "acted") {
      // Another window counts its requests too; older kernels name no page.
      const mine = (content.page ?? page) === page;
      if (mine) for (const view of views) view.acted(content);
    }
    for (const view of views) view.beat();
  }

  function restore() {
    const snapshot = model.get("snapshot");
    if (!snapshot?.summary) return;
    if (snapshot.session === session && snapshot.seq < seq) return;
    const told = Date.parse(snapshot.at);
    if (Number.isFinite(told)) heard = told;
    take(snapshot);
    for (const view of views) view.beat(heard);
  }

  function doubt() {
    for (const view of views) view.lose();
  }

  model.on("msg:custom", hear);
  model.on("change:snapshot", restore);
  model.on("comm_live_update", doubt);
  restore();

  return {
    /** @param {HTMLElement} element */
    show(element) {
      const view = createProgressView(element, {
        onAction(action, ids) {
          requests += 1;
          return send({ type: action, request: requests, page, ids }) ? requests : -1;
        },
        onDetails(id) {
          send({ type: "details", id });
        },
      });
      views.add(view);
      if (knowledge.summary) {
        view.replace(known());
        view.beat(heard);
        acknowledge();
      } else ask();
      return () => {
        views.delete(view);
        view.close();
      };
    },
    close() {
      model.off("msg:custom", hear);
      model.off("change:snapshot", restore);
      model.off("comm_live_update", doubt);
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      for (const view of views) view.close();
      views.clear();
    },
  };
}

/**
 * The widget.  A function, as each model must have a state of its own: anywidget
 * hands `initialize` and `render` different objects for the same model.
 */
export default function progressWidget() {
  /** @type {ReturnType<typeof createFeed> | null} */
  let feed = null;
  return {
    /** @param {{model: Model}} context */
    initialize({ model }) {
      feed = createFeed(model);
      return () => {
        feed?.close();
        feed = null;
      };
    },
    /** @param {{model: Model, el: HTMLElement}} context */
    render({ model, el }) {
      feed ??= createFeed(model);
      return feed.show(el);
    },
  };
}
