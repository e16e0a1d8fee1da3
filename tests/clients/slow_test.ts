import { SLOW, testClients } from "./services.ts";

SLOW.forEach(testClients);
