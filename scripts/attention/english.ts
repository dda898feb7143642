// Words of English by what they are, as far as it matters for where French puts them.

const words = (list: string): ReadonlySet<string> => new Set(list.trim().split(/\s+/));

/** The usual adjectives. */
export const adjectives = words(`
  able afraid alone american ancient angry awful bad beautiful best better big bitter black blind blond blue bold brave brief bright british broken brown busy calm
  careful cheap chinese clean clear clever closed cold common cool crazy cruel curious dangerous dark dead deaf dear deep different difficult dirty dry dull dumb eager
  early easy electric empty english evil expensive fair faithful false famous fast fat final fine first flat foreign free french fresh friendly full funny generous
  gentle german global golden good great green grey guilty happy hard harmless healthy heavy high holy honest hot huge human hungry ill important innocent japanese
  kind large last late lazy light little local lonely long loose loud low lucky mad married mean medical military modern naked narrow national natural nervous new next
  nice noisy normal odd official old open orange other own pale patient perfect personal pink plain poor popular pretty private proud public pure purple quick quiet
  rare raw ready real red rich right ripe roman rough round royal rude russian sad safe salty same serious shallow sharp short shy sick silent silly simple single
  slow small smart smooth social soft sore sour spanish special spoiled square strange strict strong stupid sudden sure sweet tall terrible thick thin tight tiny
  tired tough true typical ugly useful useless usual vast violent warm weak wet white whole wide wild wise wonderful wooden wrong yellow young
`);

/** Of objects, which French puts before the verb. */
export const pronouns = words('me you him her it us them this that some one');
