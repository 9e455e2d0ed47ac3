/**
 * Follow a document until it is completed. One that has failed or was cancelled may be
 * retried.
 *
 * @param {string | null} documentId null follows nothing
 * @param {Server} [server]
 * @returns {Following}
 */
export function useDocumentProgress(documentId: string | null, { url, token, ticket }?: Server): Following;
/**
 * Show the progress of a document.
 *
 * @param {Server & {documentId: string | null}} props
 * @returns {import("react").ReactElement | null}
 */
export function ProgressTracker({ documentId, ...server }: Server & {
    documentId: string | null;
}): import("react").ReactElement | null;
/**
 * Choose files, and send them to the server one after the other.
 *
 * @param {Server & {
 *   caseId?: string,
 *   multiple?: boolean,
 *   label?: string,
 *   onUpload?: (document: Uploaded) => void,
 *   onError?: (error: Error, file: File) => void,
 * }} props
 * @returns {import("react").ReactElement}
 */
export function DocumentUploader({ url, token, caseId, multiple, label, onUpload, onError, }: Server & {
    caseId?: string;
    multiple?: boolean;
    label?: string;
    onUpload?: (document: Uploaded) => void;
    onError?: (error: Error, file: File) => void;
}): import("react").ReactElement;
export type ProgressEvent = import("./document-progress.js").ProgressEvent;
export type Connection = import("./document-progress.js").Connection;
/**
 * what is known of a document
 */
export type Following = {
    /**
     * its state; null until it is known
     */
    progress: ProgressEvent | null;
    /**
     * why the server cannot be reached; why a document has
     * failed is the `error` of its progress
     */
    error: Error | null;
    connection: Connection;
};
export type Server = {
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
     * ticket, from whoever knows the token, for all documents that are named: those that
     * share a connection
     */
    ticket?: ((documentIds: string[]) => string | Promise<string>) | undefined;
};
/**
 * a document that the server has stored
 */
export type Uploaded = {
    id: string;
    filename: string;
    case_id: string | null;
    run_id: string;
    media_type: string;
};
