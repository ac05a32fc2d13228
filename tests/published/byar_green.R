# The numbers of tests/published/byar_green.py, by R with survival and cmprsk. Braid never runs this.
#   Rscript tests/published/byar_green.R ../shared/data/tables/byar_green_prostate/prostate.csv
suppressMessages({library(survival); library(cmprsk)})
options(digits = 17)
d <- read.csv(commandArgs(TRUE)[1], na.strings = "")
d$months <- pmax(d$dtime, 0.5)   # 16 patients died or left in month 0
d$cause <- ifelse(d$status == "dead - prostatic ca", 1, ifelse(d$status == "alive", 0, 2))
d$state <- factor(d$cause, 0:2, c("censored", "prostate", "other"))
cat(R.version.string, "survival", as.character(packageVersion("survival")),
    "cmprsk", as.character(packageVersion("cmprsk")), "\n")

at <- c(6, 12, 24, 36, 60, 76)
curve <- summary(survfit(Surv(months, state) ~ 1, data = d), times = at)
cat("Aalen-Johansen prostate:", format(curve$pstate[, 2], digits = 15), "\n")
cat("Aalen-Johansen other:   ", format(curve$pstate[, 3], digits = 15), "\n")

d$bed <- as.numeric(d$pf != "normal activity")
d$dose <- c("placebo" = 0, "0.2 mg estrogen" = 0.2, "1.0 mg estrogen" = 1, "5.0 mg estrogen" = 5)[d$rx]
columns <- c("age", "wt", "bed", "hx", "hg", "sz", "sg", "bm", "dose")
whole <- d[complete.cases(d[, columns]), ]
cat("complete:", nrow(whole), "events:", table(whole$cause), "\n")
formula <- as.formula(paste("~", paste(columns, collapse = " + ")))

weighted <- finegray(update(formula, Surv(months, state) ~ .), data = whole, etype = "prostate")
fit <- coxph(update(formula, Surv(fgstart, fgstop, fgstatus) ~ .), weights = fgwt, data = weighted,
             ties = "breslow", control = coxph.control(eps = 1e-12, iter.max = 100))
cat("Fine-Gray, finegray + coxph:\n"); print(unname(coef(fit)))
crr_fit <- crr(whole$months, whole$cause, as.matrix(whole[, columns]), gtol = 1e-12, maxiter = 100)
cat("Fine-Gray, crr:\n"); print(unname(crr_fit$coef))

first <- whole[1:3, ]
at60 <- survfit(fit, newdata = first, stype = 2, ctype = 1)
cat("cumulative incidence of the first three at 12, 36, 60 months, finegray + coxph:\n")
print(1 - summary(at60, times = c(12, 36, 60))$surv)

causes <- coxph(update(formula, Surv(months, state) ~ .), data = transform(whole, id = seq_len(nrow(whole))),
                id = id, ties = "breslow", control = coxph.control(eps = 1e-12, iter.max = 100))
cat("cause-specific Cox, prostate then other:\n"); print(unname(coef(causes)))
predicted <- survfit(causes, newdata = first)
cat("cumulative incidence of the first three at 12, 36, 60 months, cause-specific:\n")
print(summary(predicted, times = c(12, 36, 60))$pstate[, , 2])
