/**
 * Follow documents until all of them have ended, or until it is stopped.
 *
 * @param {string | string[]} documentIds
 * @param {WatchOptions} [options]
 * @returns {() => void} stops, and calls nothing back any more
 * @throws {RangeError} there are more documents than one connection can name
 */
export function watch(documentIds: string | string[], options?: WatchOptions): () => void;
export type Status = "queued" | "processing" | "completed" | "failed" | "cancelled";
/**
 * Where a document stands.
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
    worker?: string | undefined;
};
/**
 * Something about a document that is no progress: that it shows a sign of life, or
 * that it has shown none for a while.
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
 * How the documents are followed: `lost` is tried again, `ended` and `refused` are not.
 */
export type Connection = "connecting" | "streaming" | "polling" | "lost" | "ended" | "refused";
export type WatchOptions = {
    /**
     * a document stands elsewhere
     */
    onChange?: ((event: ProgressEvent) => void) | undefined;
    /**
     * nothing can be heard for now, or at all;
     * once, until something was heard again
     */
    onError?: ((error: Error) => void) | undefined;
    onConnection?: ((connection: Connection) => void) | undefined;
    /**
     * only while streaming
     */
    onSign?: ((sign: Sign) => void) | undefined;
    /**
     * go on when all have ended, for what is tried again
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
     * has a ticket
     * made, by whoever knows the token; asked again when one has expired
     */
    ticket?: ((documentIds: string[]) => string | Promise<string>) | undefined;
};
