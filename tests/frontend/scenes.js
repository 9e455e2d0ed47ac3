/**
 * Runs that never were: what a progress view has to show well.
 *
 * The gallery and the tests draw them.  Nothing here is random, so that two
 * pictures of one scene can be compared.
 */

/** @typedef {import("../../docprogress/frontend/src/progress-view/types.js").Row} Row */
/** @typedef {import("../../docprogress/frontend/src/progress-view/types.js").Summary} Summary */
/** @typedef {import("../../docprogress/frontend/src/progress-view/types.js").Snapshot} Snapshot */
/** @typedef {import("../../docprogress/frontend/src/progress-view/types.js").Details} Details */
/** @typedef {import("../../docprogress/frontend/src/progress-view/types.js").Status} Status */

const STEPS = [
  { name: "extraction", from: 0, to: 60 },
  { name: "chunking", from: 60, to: 70 },
  { name: "embedding", from: 70, to: 100 },
];

const NAMES = [
  "annual-report-2025.pdf",
  "lease-agreement-hamburg-warehouse-signed.pdf",
  "minutes of the board.docx",
  "valgrind.pdf",
  "009-pdflatex-geotopo-Topo-komprimiert.pdf",
  "invoice 4471.pdf",
  "terms.html",
  "handbook.md",
  "scan-0017.pdf",
  "Übernahmevertrag Müller & Söhne.pdf",
];

/**
 * A document; what is not given follows from its place and its status.
 *
 * @param {number} index
 * @param {Partial<Row>} [fields]
 * @returns {Row}
 */
export function row(index, fields = {}) {
  const status = fields.status ?? "queued";
  const turn = Math.floor(index / NAMES.length);
  const name = NAMES[index % NAMES.length];
  const pages = 12 + ((index * 37) % 290);
  /** @type {Row} */
  const blank = {
    index,
    id: `document-${index}`,
    name: turn ? name.replace(/(\.\w+)$/, ` (${turn})$1`) : name,
    status,
    step: "",
    progress: 0,
    message: "",
    error: null,
    attempt: status === "queued" ? null : 1,
    attempts: 3,
    current: null,
    total: null,
    unit: null,
    worker: status === "queued" ? null : `celery@worker-${1 + (index % 4)}`,
    elapsed: status === "queued" ? null : 1 + ((index * 7) % 40),
    stalled: false,
    silent: null,
  };
  if (status === "completed") {
    Object.assign(blank, {
      step: "embedding",
      progress: 100,
      message: `${pages} pages, ${pages * 3} chunks`,
    });
  }
  if (status === "processing") {
    const current = 1 + ((index * 53) % pages);
    Object.assign(blank, {
      step: "extraction",
      progress: (60 * current) / pages,
      message: `Extracting page ${current} of ${pages}`,
      current,
      total: pages,
      unit: "page",
    });
  }
  if (status === "cancelled")
    Object.assign(blank, { step: "extraction", progress: 24, message: "cancelled" });
  if (status === "failed") {
    Object.assign(blank, {
      step: "extraction",
      progress: 31,
      message: "failed",
      error: `${blank.name}: the PDF is encrypted and needs a password`,
    });
  }
  return { ...blank, ...fields };
}

/**
 * The work that is done: of all documents, and of those of each status.
 *
 * @param {Row[]} rows
 * @returns {Pick<Summary, "fraction" | "shares">}
 */
function sharesOfWork(rows) {
  const shares = { queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const { status, progress } of rows) shares[status] += progress / 100 / rows.length;
  return { fraction: Object.values(shares).reduce((sum, each) => sum + each, 0), shares };
}

/**
 * The summary of some rows.
 *
 * @param {Row[]} rows
 * @param {Partial<Summary>} [fields]
 * @returns {Summary}
 */
export function summary(rows, fields = {}) {
  /** @type {Record<Status, number>} */
  const counts = { queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const { status } of rows) counts[status] += 1;
  const finished = rows.length > 0 && !counts.queued && !counts.processing;
  const present = Object.entries(counts).filter(([, count]) => count);
  return {
    title: "run 20261124-075122-ec3516",
    text: `${rows.length} documents: ${present.map(([status, count]) => `${count} ${status}`).join(", ")}`,
    total: rows.length,
    counts,
    stalled: rows.filter(({ stalled }) => stalled).length,
    ...sharesOfWork(rows),
    elapsed: 102,
    remaining: finished ? null : 131,
    documents_per_second: finished ? null : 12.4,
    pages_per_second: finished ? null : 652,
    pages: 4711,
    steps: STEPS,
    finished,
    connected: true,
    lost_at: null,
    actions: true,
    rows: rows.length,
    ...fields,
  };
}

/**
 * A run: so many documents in each state, in the order in which they were submitted.
 *
 * @param {Partial<Record<Status, number>>} counts
 * @param {Record<number, Partial<Row>>} [particular] fields of some rows
 * @param {Partial<Summary>} [fields]
 * @returns {Snapshot}
 */
export function run(counts, particular = {}, fields = {}) {
  /** @type {Status[]} */
  const statuses = ["completed", "failed", "cancelled", "processing", "queued"];
  const queue = statuses.flatMap((status) => Array(counts[status] ?? 0).fill(status));
  const ended = (counts.completed ?? 0) + (counts.failed ?? 0) + (counts.cancelled ?? 0);
  // Failures lie among what has ended, as they do in life.
  for (let at = counts.completed ?? 0, to = 2; at < ended; at += 1, to += 7) {
    const other = to % Math.max(ended, 1);
    [queue[at], queue[other]] = [queue[other], queue[at]];
  }
  const rows = queue.map((status, index) => row(index, { status, ...particular[index] }));
  return { summary: summary(rows, fields), rows };
}

const LONG = "All work and no play makes a document long. ".repeat(115);

/** @type {Row[]} */
const hostile = [
  row(0, {
    status: "processing",
    name: "<script>alert(1)</script>.pdf",
    message: "<img src=x onerror=alert(1)>",
  }),
  row(1, {
    status: "processing",
    name: "تقرير سنوي عن الأعمال لعام ألفين وخمسة وعشرين.pdf",
    message: "قراءة الصفحة 12 من 200",
  }),
  row(2, {
    status: "processing",
    name: "harmless\u202egpj.exe",
    message: "a \u2067turned\u2066 text",
  }),
  row(3, { status: "completed", name: "👩‍👩‍👧‍👦 family 🎉🎉🎉.pdf", message: "👍🏽 done" }),
  row(4, { status: "failed", name: `${LONG}.pdf`, error: LONG }),
  row(5, {
    status: "failed",
    name: "Z̸̢̛͙̻a̷͈͐l̵̰̈́ģ̶̌o̶͓͝.pdf",
    error: "line one\nline two\r\n\tline three\u0000\u0007",
  }),
  row(6, {
    status: "processing",
    name: "契約書_最終版_本当に最終版_これが最後.pdf",
    message: "ページ 3 / 12 を抽出中",
  }),
  row(7, { status: "queued", name: "" }),
  row(8, { status: "queued", name: "a".repeat(5000) }),
  row(9, {
    status: "processing",
    name: "עברית ו־English יחד.docx",
    step: "x".repeat(100),
    progress: 250,
    message: "progress of 250",
  }),
];

/** @type {Record<string, Snapshot>} */
export const scenes = {
  "1 running": run(
    { processing: 1 },
    { 0: { progress: 43, message: "Extracting page 143 of 200", current: 143, total: 200 } },
    { remaining: 12, documents_per_second: null },
  ),
  "1 stalled": run(
    { processing: 1 },
    { 0: { progress: 12, stalled: true, silent: 42, attempt: 2 } },
  ),
  "1 failed": run({ failed: 1 }, {}, { pages: 3 }),
  "1 completed": run({ completed: 1 }, {}, { pages: 120 }),
  "1 queued": run(
    { queued: 1 },
    {},
    { elapsed: null, remaining: null, documents_per_second: null, pages_per_second: null },
  ),
  "10 running": run(
    { completed: 3, failed: 1, processing: 3, queued: 3 },
    {
      4: {
        step: "embedding",
        progress: 78,
        message: "Embedding chunk 212 of 771",
        current: 212,
        total: 771,
        unit: "chunk",
      },
      5: { attempt: 2, progress: 20 },
      6: { stalled: true, silent: 23 },
    },
    { stalled: 1 },
  ),
  "10 finished": run({ completed: 8, failed: 2 }),
  "10 synchronized": run(
    { completed: 8, processing: 2 },
    {},
    { changes: "12 added, 3 changed, 1 removed, 984 unchanged" },
  ),
  "38 completed": run({ completed: 38 }),
  "1000 running": run(
    { completed: 412, failed: 7, cancelled: 2, processing: 8, queued: 571 },
    { 424: { stalled: true, silent: 31 } },
  ),
  "10000 running": run(
    { completed: 2204, failed: 3, processing: 16, queued: 7777 },
    {},
    { remaining: 5400, elapsed: 4021, documents_per_second: 0.9 },
  ),
  "10000 cancelled": run({ completed: 2204, cancelled: 7796 }),
  "10 stalled": run(
    { processing: 2, queued: 8 },
    { 0: { stalled: true, silent: 66 }, 1: { stalled: true, silent: 17 } },
  ),
  "30 foreign": run(
    { completed: 4, processing: 6, queued: 20 },
    {},
    { title: "30 documents", steps: [], actions: false, remaining: null },
  ),
  "10 away": run(
    { completed: 2, processing: 3, queued: 5 },
    {},
    { connected: false, lost_at: "2026-11-24T15:04:05.000000+00:00" },
  ),
  "1 hostile": { rows: [hostile[4]], summary: summary([hostile[4]]) },
  hostile: { rows: hostile, summary: summary(hostile) },
  none: run(
    {},
    {},
    { elapsed: null, remaining: null, documents_per_second: null, pages_per_second: null },
  ),
};

/**
 * Details of a row, as sent on request.
 *
 * @param {Row} of
 * @returns {Details}
 */
export function details(of) {
  const moment = (/** @type {number} */ second) =>
    new Date(Date.UTC(2026, 10, 24, 7, 51, second)).toISOString();
  const history = Array.from({ length: 14 }, (_, number) => ({
    timestamp: moment(number),
    attempt: number < 6 ? 1 : 2,
    status: /** @type {Status} */ (number === 5 ? "failed" : "processing"),
    step: "extraction",
    progress: 4 * number,
    message: `Extracting page ${number + 1} of 14`,
    error: number === 5 ? "the worker was killed" : null,
  }));
  return {
    id: of.id,
    row: of,
    steps: [
      { name: "extraction", seconds: 12.34, attempt: 1, pages: 120 },
      { name: "chunking", seconds: 0.41, attempt: 1 },
      { name: "embedding", seconds: of.status === "completed" ? 3.2 : null, attempt: 2 },
    ],
    history,
    problem: null,
  };
}
