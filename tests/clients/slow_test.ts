import { SLOW, testClients } from "./services.ts";

if (Deno.env.has("EVERY_SERVICE")) SLOW.forEach(testClients);
