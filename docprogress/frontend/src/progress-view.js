/** The progress view, as a widget of Jupyter and as a function for other pages. */

import { createViewSession } from "./progress-view/session.js";
import { createWidget } from "./shared/widget.js";

// anywidget takes a module with an export named `render` for one of its old format.
export { createProgressView } from "./progress-view/view.js";

export default createWidget(createViewSession);
