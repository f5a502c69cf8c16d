#include "server/api/handlers.h"
enum err metrics_get(struct call *c, struct error *e) { (void)e; http_respond(c->r, 200, "text/plain", "", 0); return ERR_OK; }
