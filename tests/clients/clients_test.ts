import { SERVICES, testClients } from "./services.ts";

/** By itself, the suite asks the service that is as EC2's alone. */
const services = Deno.env.has("EVERY_SERVICE")
  ? SERVICES
  : SERVICES.slice(0, 1);

for (const service of services) testClients(service);
