import { testThird } from "./services.ts";

testThird(0);
