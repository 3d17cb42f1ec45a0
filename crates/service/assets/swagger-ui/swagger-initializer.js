// No third party is asked to validate the document, and nobody else's document is shown.
window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  queryConfigEnabled: false,
  validatorUrl: "none",
});
