/**
 * Follow documents until all of them have ended, or until it is stopped.
 *
 * @param {string | string[]} documentIds
 * @param {WatchOptions} [options]
 * @returns {() => void} stops; no callback is called any more
 * @throws {RangeError} if there are more documents than one connection can name
 */
export function watch(documentIds: string | string[], options?: WatchOptions): () => void;
export type Status = "queued" | "processing" | "completed" | "failed" | "cancelled";
/**
 * The state of a document.
 */
export type ProgressEvent = {
    document_id: string;
    status: Status;
    step: string;
    /**
     * 0–100, of the whole document
     */
    progress: number;
    /**
     * for a person
     */
    message: string;
    /**
     * ISO 8601, UTC
     */
    timestamp: string;
    /**
     * for a person; only when failed
     */
    error?: string | undefined;
    /**
     * `attempt-number`
     */
    id?: string | undefined;
    run_id?: string | undefined;
    case_id?: string | undefined;
    name?: string | undefined;
    attempt?: number | undefined;
    /**
     * counted inside of the step
     */
    current?: number | undefined;
    total?: number | undefined;
    unit?: string | undefined;
    /**
     * recognised pages of this step
     */
    ocr_current?: number | undefined;
    ocr_total?: number | undefined;
    /**
     * bytes
     */
    size?: number | null | undefined;
    /**
     * in pages of text, once it is known
     */
    work?: number | null | undefined;
    /**
     * recognised pages in all, once they are known
     */
    ocr_pages?: number | null | undefined;
    /**
     * when a queued document may go on, in ISO 8601
     */
    waiting_until?: string | undefined;
    worker?: string | undefined;
    /**
     * the document that contains this one
     */
    parent_id?: string | undefined;
};
/**
 * A sign of life of a document that makes no progress, or the lack of one.
 */
export type Sign = {
    type: "heartbeat" | "stalled";
    document_id: string;
    timestamp: string;
    /**
     * if it is stalled
     */
    silent_seconds?: number | undefined;
};
/**
 * How the documents are followed. `lost` is retried; `ended` and `refused` are final.
 */
export type Connection = "connecting" | "streaming" | "polling" | "lost" | "ended" | "refused";
export type WatchOptions = {
    /**
     * called with each new state
     */
    onChange?: ((event: ProgressEvent) => void) | undefined;
    /**
     * called once when the server cannot be
     * reached, or refuses, until it answers again
     */
    onError?: ((error: Error) => void) | undefined;
    onConnection?: ((connection: Connection) => void) | undefined;
    /**
     * called while streaming only
     */
    onSign?: ((sign: Sign) => void) | undefined;
    /**
     * keep following when all documents have ended, because they
     * may be retried
     */
    follow?: boolean | undefined;
    /**
     * where the server is, without a slash at the end
     */
    url?: string | undefined;
    /**
     * the server's token, for pages that may know it
     */
    token?: string | undefined;
    /**
     * obtains a
     * ticket from whoever knows the token; called again when a ticket has expired
     */
    ticket?: ((documentIds: string[]) => string | Promise<string>) | undefined;
};
