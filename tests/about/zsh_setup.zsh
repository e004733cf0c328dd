# Makes an interactive zsh say which words it would offer, and end. $folder holds _orilla.
PROMPT= RPS1=
fpath=($folder $fpath)
autoload -U compinit && compinit -u -d $folder/dump
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
say_begin() { print; print -r - '<<words' }
say_end() { print -r - 'words>>'; exit }
compprefuncs=(say_begin) comppostfuncs=(say_end)
# The words of every completion function go through compadd.
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-[OAD]\ * ]]; then builtin compadd "$@"; return; fi
  local -a offered
  builtin compadd -A offered "$@"
  (($#offered)) && print -rl - $offered
  builtin compadd "$@"
}
print ready
