import { SERVICES, testClients } from "./services.ts";

SERVICES.filter(({ title }) => title === "0.4 s").forEach(testClients);
