import { testThird } from "./services.ts";

testThird(1);
