/** The uploader, as a widget of Jupyter. */

import { createWidget } from "./shared/widget.js";
import { createUploadSession } from "./uploader/session.js";

export default createWidget(createUploadSession);
