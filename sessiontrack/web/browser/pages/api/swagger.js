// swagger-ui, loaded only on its page because of its size (half a megabyte). It calls with the session's cookies.
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import { get } from "../../client.js";
import { cookie, fullAddress } from "#here";

const CSRF = "sessiontrack_access_csrf";
// Only its operations: the page has its own title and main part, and the reader is signed in.
const ours = ({ React, getComponent }) => ({
  components: {
    OurLayout: () => React.createElement("div", { className: "swagger-ui" }, React.createElement(getComponent("operations", true))),
    authorizeOperationBtn: () => null,
  },
});

/** Render the document into an element. */
export function draw(element, document) {
  SwaggerUI({
    domNode: element,
    spec: { ...document, servers: [{ url: fullAddress("") }] },
    plugins: [ours],
    layout: "OurLayout",
    docExpansion: "list",
    deepLinking: false,
    defaultModelsExpandDepth: -1,
    validatorUrl: null,
    showMutatedRequest: false,
    requestInterceptor: async (request) => {
      if (!cookie(CSRF)) await get("/auth/me"); // renews the login
      request.headers["X-CSRF-TOKEN"] = cookie(CSRF);
      return request;
    },
  });
}
