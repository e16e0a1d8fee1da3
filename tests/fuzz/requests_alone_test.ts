import { fuzzRequests } from "./requests.ts";

fuzzRequests("alone");
