import { SERVICES, testClients } from "./services.ts";

SERVICES.forEach(testClients);
