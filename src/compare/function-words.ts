/**
 * English words that hold sentences together and say little by themselves (articles, pronouns, auxiliaries,
 * prepositions, conjunctions, common adverbs), in lower case. Word studies leave them out.
 */
export const FUNCTION_WORDS: ReadonlySet<string> = new Set(
  `a about above across after again against all almost also although always am among an and another any
  anyone anything are around as at away back be became because become been before behind being below between
  both but by came can cannot come could did do does doing done down during each either else enough even
  ever every everyone everything few first for from further gave get gets getting give go goes going gone
  got had has have having he her here hers herself him himself his how however i if in indeed instead into
  is it its itself just know knew last least less let like made make makes many may maybe me might mine more
  most much must my myself neither never no nobody none nor not nothing now of off often on once one only
  onto or other others our ours ourselves out over own per perhaps put quite rather really said same say
  says see seem seems several she should since so some someone something sometimes somewhere soon still such
  take than that the their theirs them themselves then there therefore these they thing things this those
  though through thus to together too took toward towards two under until up upon us use used using very was
  way we well went were what whatever when where whether which while who whole whom whose why will with
  within without would yet you your yours yourself yourselves don didn doesn isn aren wasn weren won wouldn
  couldn shouldn hasn haven hadn ain ll ve re im ive dont didnt doesnt isnt cant wont`.split(/\s+/),
);
