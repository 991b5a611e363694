// Shares as people write them: "69.9%", in French "69,9 %".
import { locale } from "#here";

/** @param digits after the point, at most. @param least of them that are always there. */
export const percent = (share, digits = 0, least = 0) =>
  new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: least, maximumFractionDigits: digits }).format(share);
